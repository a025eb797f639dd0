"""What the portal does beyond keeping records: one folder per feature."""
