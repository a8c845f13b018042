"""What may be wrong with a product that fits the format, told all at once (SPEC 8)."""
