"""What works in the background, seen by whoever asked for it and steered by the administrator."""
