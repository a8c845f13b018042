"""What is recorded of a run's steps."""
