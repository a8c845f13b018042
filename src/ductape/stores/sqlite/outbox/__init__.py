"""Jobs written in a transaction that a caller is lent (SPEC 10)."""
