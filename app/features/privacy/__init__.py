"""What the law of personal information asks of a portal: what is held of whom, copies, erasure."""
