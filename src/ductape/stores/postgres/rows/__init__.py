"""Between domain values and rows."""
