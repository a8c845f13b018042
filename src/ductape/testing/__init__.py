"""Simulated time, and a harness for tests: ours and our users'."""
