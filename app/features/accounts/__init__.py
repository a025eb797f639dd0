"""Accounts in the browser: made, given a password, opened and closed; and everybody's own password."""
