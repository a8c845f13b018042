"""One attempt of a run: prepared, invoked with its steps, and how it ended."""
