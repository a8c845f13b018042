"""New jobs on their way into the store."""
