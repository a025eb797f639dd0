"""Reminders: dates that come near or were passed, and who is told of them, each lead once."""
