"""The audit trail for people: who looks, what it says in words, and its checkpoints by themselves."""
