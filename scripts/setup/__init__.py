"""What scripts/start, test and check share; Python's standard library only."""
