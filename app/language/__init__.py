"""The schema language: YAML in, a checked and frozen Schema out. Pure Python, no I/O but reading files."""
