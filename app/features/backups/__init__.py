"""Encrypted backups: the whole portal of one moment in one file, looked through, kept for a while, restored."""
