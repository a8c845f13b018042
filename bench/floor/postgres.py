"""Bare PostgreSQL: the least that each figure could mean, by psycopg, on one small table."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg

PAYLOAD = b'{"product":"shop","env":"dev","event":"noop","kind":"job","input":{"a":1},"retries":0}'
CONNECTIONS = 10
"""Of the floor of many callers: one row a commit each."""

TABLE = """
CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state text NOT NULL,
    payload bytea NOT NULL);
CREATE INDEX waiting ON jobs (id) WHERE state = 'queued'
"""
ONE = "INSERT INTO jobs (state, payload) VALUES ('queued', %s)"
MANY = "INSERT INTO jobs (state, payload) SELECT 'queued', unnest(%s::bytea[])"
CLAIM = """
WITH picked AS (
    SELECT id FROM jobs WHERE state = 'queued' ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
UPDATE jobs SET state = 'running' FROM picked WHERE jobs.id = picked.id RETURNING jobs.id
"""
END = "DELETE FROM jobs WHERE id = ANY(%s)"


def make(url: str) -> None:
    """Make the table in an empty database."""
    with psycopg.connect(url) as connection:
        connection.execute(TABLE)


def inserts(url: str, count: int, batch: int) -> float:
    """Return rows a second by one connection, committed `batch` at a time."""
    with psycopg.connect(url, autocommit=True) as connection:
        start = time.perf_counter()
        if batch == 1:
            for _ in range(count):
                connection.execute(ONE, (PAYLOAD,), prepare=True)
        else:
            for _ in range(count // batch):
                connection.execute(MANY, ([PAYLOAD] * batch,), prepare=True)
        return count / (time.perf_counter() - start)


async def concurrent(url: str, count: int) -> float:
    """Return rows a second by ten connections, a commit for each row."""

    async def commit(connection: psycopg.AsyncConnection) -> None:
        for _ in range(count // CONNECTIONS):
            await connection.execute(ONE, (PAYLOAD,), prepare=True)

    opening = (psycopg.AsyncConnection.connect(url, autocommit=True) for _ in range(CONNECTIONS))
    connections = await asyncio.gather(*opening)
    start = time.perf_counter()
    await asyncio.gather(*(commit(connection) for connection in connections))
    elapsed = time.perf_counter() - start
    await asyncio.gather(*(connection.close() for connection in connections))
    return count / elapsed


def drain(url: str, batch: int, lanes: int) -> float:
    """Return rows a second through claim, then delete, `batch` a transaction, `lanes` at once."""
    connections = [psycopg.connect(url, autocommit=True) for _ in range(lanes)]
    with ThreadPoolExecutor(lanes) as threads:
        start = time.perf_counter()
        ended = list(threads.map(_drainer(batch), connections))
        elapsed = time.perf_counter() - start
    for connection in connections:
        connection.close()
    return sum(ended) / elapsed


def commits_ms(url: str, count: int, pause_s: float) -> list[float]:
    """Return how long lone commits took in milliseconds, `pause_s` apart."""
    taken: list[float] = []
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(count):
            time.sleep(pause_s)
            start = time.perf_counter()
            connection.execute(ONE, (PAYLOAD,), prepare=True)
            taken.append((time.perf_counter() - start) * 1_000)
    return taken


def _drainer(batch: int) -> Callable[[psycopg.Connection], int]:
    def drained(connection: psycopg.Connection) -> int:
        ended = 0
        while claimed := connection.execute(CLAIM, (batch,), prepare=True).fetchall():
            connection.execute(END, ([row[0] for row in claimed],), prepare=True)
            ended += len(claimed)
        return ended

    return drained
