"""The terminal: `ductape` and its commands (SPEC 13)."""
