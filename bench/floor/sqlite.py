"""The bare engine: what SQLite alone does, with the same durability and nothing else."""

import statistics
import time
from pathlib import Path

import apsw

PAYLOAD = b'{"product":"shop","env":"dev","event":"noop","kind":"job","input":{"a":1},"retries":0}'


def fresh(path: Path) -> apsw.Connection:
    """Open a file with one small table and the store's settings."""
    connection = apsw.Connection(str(path))
    connection.execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "CREATE TABLE jobs (id INTEGER PRIMARY KEY, state TEXT NOT NULL, payload BLOB NOT NULL);"
        "CREATE INDEX waiting ON jobs (id) WHERE state = 'queued'"
    ).fetchall()  # apsw goes on to the next statement only as rows are fetched
    return connection


def inserts(path: Path, count: int, batch: int) -> float:
    """Return rows a second, committed `batch` at a time."""
    connection = fresh(path)
    start = time.perf_counter()
    for _ in range(count // batch):
        with connection:
            connection.executemany(
                "INSERT INTO jobs (state, payload) VALUES ('queued', ?)", [(PAYLOAD,)] * batch
            )
    elapsed = time.perf_counter() - start
    connection.close()
    return count / elapsed


def drain(path: Path, count: int, batch: int) -> float:
    """Return jobs a second through claim, then delete, `batch` a transaction each."""
    inserts(path, count, count)
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA synchronous = FULL")
    start = time.perf_counter()
    for _ in range(count // batch):
        with connection:
            claimed = connection.execute(
                "UPDATE jobs SET state = 'running' WHERE id IN"
                " (SELECT id FROM jobs WHERE state = 'queued' ORDER BY id LIMIT ?) RETURNING id",
                (batch,),
            ).fetchall()
        with connection:
            connection.executemany("DELETE FROM jobs WHERE id = ?", claimed)
    elapsed = time.perf_counter() - start
    connection.close()
    return count / elapsed


def commit_ms(path: Path, count: int, pause_s: float) -> float:
    """Return the median of a lone commit in milliseconds, `pause_s` apart."""
    connection = fresh(path)
    taken: list[float] = []
    for _ in range(count):
        time.sleep(pause_s)
        start = time.perf_counter()
        connection.execute("INSERT INTO jobs (state, payload) VALUES ('queued', ?)", (PAYLOAD,))
        taken.append((time.perf_counter() - start) * 1000)
    connection.close()
    return statistics.median(taken)
