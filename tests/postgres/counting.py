"""How much a server was asked for, counted by itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

PATIENCE_S = 30
OWN_WORK = "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'autovacuum%'"


def transactions(root: psycopg.Connection) -> int:
    """Count the transactions that have changed something, this look among them."""
    return int(root.execute("SELECT pg_current_xact_id()::text").fetchall()[0][0])


@contextmanager
def at_rest(root: psycopg.Connection) -> Iterator[None]:
    """Keep the server from changing anything of its own accord: its vacuums count as ours do."""
    _have_vacuums(root, on=False)
    try:
        yield
    finally:
        _have_vacuums(root, on=True)


def _have_vacuums(root: psycopg.Connection, *, on: bool) -> None:
    root.execute(f"ALTER SYSTEM {'RESET autovacuum' if on else 'SET autovacuum = off'}")
    root.execute("SELECT pg_reload_conf()")
    give_up_s = time.monotonic() + PATIENCE_S
    while (root.execute(OWN_WORK).fetchall() != [(0,)]) is not on:
        if time.monotonic() > give_up_s:
            raise TimeoutError("the server's own work neither ends nor begins")
        time.sleep(0.01)
