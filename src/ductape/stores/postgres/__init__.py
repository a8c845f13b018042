"""The store for many machines: PostgreSQL 15 or later, one schema of its own."""
