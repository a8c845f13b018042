"""Claiming runs, executing them, and staying alive meanwhile."""
