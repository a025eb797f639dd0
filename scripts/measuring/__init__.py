"""What ``scripts/bench`` runs inside the portal's own environment."""
