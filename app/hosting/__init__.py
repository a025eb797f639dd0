"""Runs the portal on one machine: embedded servers, web processes, front-end files."""
