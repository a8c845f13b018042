"""Databases that hold an empty store, each a copy of one that was brought up to date once.

To make all tables anew for each test would cost several times what most tests do with them.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg

from ductape.stores.postgres.schema.migrating import migrate

MOULD = "mould"


def make_mould(server: str, *, query: str = "") -> None:
    """Bring a database up to date that others are copied from; `query` may name the schema."""
    _run(server, f"CREATE DATABASE {MOULD}")
    # In a thread of its own: a fixture may be set up while a loop is this thread's.
    url = _beside(server, MOULD) + query
    with ThreadPoolExecutor() as threads:
        threads.submit(lambda: asyncio.run(migrate(url))).result()


def cast(server: str, name: str) -> str:
    """Copy the mould, unless there is such a copy; return its URL."""
    with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        _run(server, f"CREATE DATABASE {name} TEMPLATE {MOULD} STRATEGY file_copy")
    return _beside(server, name)


def drop(server: str, name: str) -> None:
    """Remove a copy, whoever is still connected to it."""
    _run(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _beside(server: str, name: str) -> str:
    return f"{server.removesuffix('/postgres')}/{name}"


def _run(server: str, statement: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.encode())
