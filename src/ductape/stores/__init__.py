"""Databases that keep jobs."""
