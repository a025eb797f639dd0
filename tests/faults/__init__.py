"""Faults struck on a running portal: what was acknowledged stays, what was not is nowhere twice."""
