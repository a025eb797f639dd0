"""How much somebody may look at, and what somebody has looked at."""
