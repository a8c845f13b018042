"""The outside world: HTTP and mail, guarded and bounded."""
