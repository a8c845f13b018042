"""Benchmarks: every figure with the bare floor beside it."""
