"""Session tokens: made, opened, refreshed, revoked."""
