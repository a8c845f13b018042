"""Ours beside its peers: installed, run and measured by turns on one PostgreSQL, then reported."""
