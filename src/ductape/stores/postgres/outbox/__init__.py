"""Jobs written in a caller's own transaction (SPEC 10)."""
