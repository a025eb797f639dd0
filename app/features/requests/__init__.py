"""What one person asks for and a second one decides."""
