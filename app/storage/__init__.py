"""Schema → tables, sessions and transactions; holds the only commit of the product."""
