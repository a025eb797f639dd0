"""The keys of encrypted fields: where they are used, and changing them while everybody works."""
