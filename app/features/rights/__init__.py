"""Who may do what, as pages that people can read: the rule book, and why somebody sees something or not."""
