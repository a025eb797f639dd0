"""The command ``portal``."""
