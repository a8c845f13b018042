"""The one door: what callers may ask and read."""
