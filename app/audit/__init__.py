"""What was done, by whom, in the same transaction as the deed."""
