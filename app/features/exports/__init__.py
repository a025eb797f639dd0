"""The one door by which records leave the portal as a file."""
