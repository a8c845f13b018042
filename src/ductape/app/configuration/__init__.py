"""The settings: where they come from, what they may be, and what they name (SPEC 16)."""
