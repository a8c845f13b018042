"""Applying products, and the recurring jobs that they declare."""
