"""Words that every layer may use; imports nothing else of the product."""
