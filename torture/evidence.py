"""What the store says in the end, read by SQL of our own: nothing of the product is asked.

Instants are epoch milliseconds.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw
import msgspec
import psycopg
from msgspec import Struct

LEFT = """
SELECT 'run ' || number || ' of job ' || job_id || ' is ' || state FROM {at}runs
UNION ALL
SELECT 'recurring job ' || job_id || ' is ' || state FROM {at}schedules
WHERE state <> 'completed'"""
HISTORY = """
SELECT job_id, number, outcome, event, scheduled_at, completed_at, attempts, result, error
FROM {at}history ORDER BY job_id, number"""


class Error(Struct, frozen=True):
    """Why an attempt or a run failed."""

    code: str
    message: str


class Tried(Struct, frozen=True):
    """One attempt, as recorded."""

    number: int
    started_at_ms: int
    completed_at_ms: int
    status: str
    worker: str
    error: Error | None = None

    @property
    def pid(self) -> int:
        """The process of the worker, whose name is `host:pid:token`."""
        return int(self.worker.split(":")[1])


class Recorded(Struct, frozen=True):
    """One row of history."""

    job: str
    run: int
    outcome: str
    event: str
    scheduled_ms: int
    completed_ms: int
    attempts: tuple[Tried, ...]
    result: str | None
    error: Error | None


class SqliteWitness:
    """Looks at a file."""

    def __init__(self, path: Path) -> None:
        """Open it through a connection of its own."""
        self._connection: Any = apsw.Connection(str(path))
        self._connection.set_busy_timeout(10_000)

    def left(self) -> list[str]:
        """Tell what has not ended yet."""
        return [row[0] for row in self._connection.execute(LEFT.format(at=""))]

    def history(self) -> list[Recorded]:
        """Return everything that was recorded."""
        return [_recorded(row) for row in self._connection.execute(HISTORY.format(at=""))]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class PostgresWitness:
    """Looks at a schema, past the bad line."""

    def __init__(self, url: str, schema: str) -> None:
        """Connect anew for each look: the server may have been restarted."""
        self._url = url
        self._at = f"{schema}."

    def left(self) -> list[str]:
        """Tell what has not ended yet."""
        return [str(row[0]) for row in self._rows(LEFT)]

    def history(self) -> list[Recorded]:
        """Return everything that was recorded."""
        return [_recorded(row) for row in self._rows(HISTORY)]

    def close(self) -> None:
        """Nothing is open."""

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._url) as connection:
            return connection.execute(sql.format(at=self._at).encode()).fetchall()


Witness = SqliteWitness | PostgresWitness


def _recorded(row: Sequence[Any]) -> Recorded:
    job, run, outcome, event, scheduled_ms, completed_ms = row[:6]
    attempts = msgspec.json.decode(row[6] or b"[]", type=tuple[Tried, ...])
    result = None if row[7] is None else msgspec.json.decode(row[7], type=str)
    error = None if row[8] is None else msgspec.json.decode(row[8], type=Error)
    return Recorded(job, run, outcome, event, scheduled_ms, completed_ms, attempts, result, error)
