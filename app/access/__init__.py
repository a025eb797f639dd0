"""Who may do what, on which rows, seeing which fields; deny by default."""
