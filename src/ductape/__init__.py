"""Ductape for Python: the durable job scheduler."""
