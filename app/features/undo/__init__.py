"""What somebody did since a day, and undoing it."""
