"""How much a server was asked for, counted by itself."""

import psycopg


def transactions(root: psycopg.Connection) -> int:
    """Count the transactions that have changed something, this look among them."""
    return int(root.execute("SELECT pg_current_xact_id()::text").fetchall()[0][0])
