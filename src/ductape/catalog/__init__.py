"""Products: documents read, checked, and asked by name."""
