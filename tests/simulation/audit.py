"""The outside witness: triggers in the store's own file write down every change of every run.

Nothing of the engine is asked. SQL here knows only the tables, so that what it finds holds whatever
the services say. Instants are epoch milliseconds.
"""

from dataclasses import dataclass
from typing import Any

import apsw

LEASE_MS = 3_000
"""The lease of every worker here: two beats further apart are a lease that had run out."""

_TRIGGERS = """
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, what TEXT, job TEXT, number INTEGER, state TEXT, worker TEXT,
    scheduled_at INTEGER, due_at INTEGER, started_at INTEGER, extra INTEGER, losses INTEGER,
    version INTEGER, attempts BLOB, result BLOB, error BLOB, cached INTEGER, wall INTEGER);
CREATE TRIGGER audit_made AFTER INSERT ON runs BEGIN
    INSERT INTO audit (what, job, number, state, scheduled_at, due_at, extra)
    VALUES ('made', new.job_id, new.number, new.state, new.scheduled_at, new.due_at,
        new.extra); END;
CREATE TRIGGER audit_claimed AFTER UPDATE OF state ON runs
WHEN new.state = 'running' AND old.state <> 'running' BEGIN
    INSERT INTO audit (what, job, number, state, worker, due_at, started_at, losses, wall)
    VALUES ('claimed', new.job_id, new.number, old.state, new.worker, new.due_at, new.started_at,
        new.losses, wall()); END;
CREATE TRIGGER audit_back AFTER UPDATE OF state ON runs
WHEN new.state <> 'running' AND old.state = 'running' BEGIN
    INSERT INTO audit (what, job, number, state, worker, due_at, losses)
    VALUES ('back', new.job_id, new.number, new.state, old.worker, new.due_at, new.losses); END;
CREATE TRIGGER audit_gone AFTER DELETE ON runs BEGIN
    INSERT INTO audit (what, job, number, state, losses)
    VALUES ('gone', old.job_id, old.number, old.state, old.losses); END;
CREATE TRIGGER audit_finished AFTER INSERT ON history BEGIN
    INSERT INTO audit (what, job, number, state, scheduled_at, extra, attempts, result, error,
        cached)
    VALUES ('finished', new.job_id, new.number, new.outcome, new.scheduled_at, new.extra,
        new.attempts, new.result, new.error, new.cached); END;
CREATE TRIGGER audit_schedule AFTER UPDATE ON schedules BEGIN
    INSERT INTO audit (what, job, number, state, version)
    VALUES ('schedule', new.job_id, new.occurrences, new.state, new.version); END;
"""

_REVIVED = f"""
CREATE TRIGGER audit_revived AFTER UPDATE ON workers
WHEN old.lease_until < new.lease_until - {LEASE_MS} BEGIN
    INSERT INTO audit (what, job, number, worker) VALUES ('revived', '', 0, new.id); END;
"""  # noqa: S608 (a figure of ours)

_TWO_LIVES = """
SELECT 'job ' || job_id || ' has ' || count(*) || ' live runs' FROM runs
GROUP BY job_id HAVING count(*) > 1"""
_DEAD_RECURRENCE = """
SELECT 'live recurrence ' || job_id || ' has no live run' FROM schedules
WHERE state = 'active' AND fault IS NULL
    AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.job_id = schedules.job_id)"""
_UNDEAD_RECURRENCE = """
SELECT 'recurrence ' || job_id || ' is ' || s.state || ' and has a run waiting'
FROM schedules AS s JOIN runs USING (job_id)
WHERE s.state <> 'active' AND runs.state <> 'running' AND runs.extra = 0
    AND runs.attempts IS NULL"""
_SUSPECTS = """
SELECT 'worker ' || worker || ' has ' || count(*) || ' suspects' FROM runs
WHERE state = 'running' AND losses > 0 GROUP BY worker HAVING count(*) > 1"""
_FAULT = """
SELECT 'recurrence ' || job_id || ' is quarantined: ' || fault FROM schedules
WHERE fault IS NOT NULL"""

_NEVER_SO = (_TWO_LIVES, _DEAD_RECURRENCE, _UNDEAD_RECURRENCE, _FAULT)

_UNQUIET = """
SELECT 'run ' || number || ' of job ' || job_id || ' is ' || state FROM runs
WHERE recurring = 0 OR state <> 'scheduled' OR attempts IS NOT NULL OR extra"""
_UNENDED = """
SELECT 'recurrence ' || job_id || ' goes on' FROM schedules
WHERE state = 'active' AND (spec ->> '$.repeat.limit' OR spec ->> '$.repeat.end_at_ms')"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change, in the order of its commit."""

    seq: int
    what: str
    job: str
    number: int
    state: str
    worker: str | None
    scheduled_at: int | None
    due_at: int | None
    started_at: int | None
    extra: int | None
    losses: int | None
    version: int | None
    attempts: bytes | None
    result: bytes | None
    error: bytes | None
    cached: int | None
    wall: int | None
    """The clock at the moment of the commit."""


class Witness:
    """Looks at the file through a connection of its own."""

    def __init__(self, path: str, *, sure: bool) -> None:
        """Begin to write down what happens to an open store's file.

        `sure`: no failing disk ever keeps a claim from its worker, which would then hold a suspect
        without knowing.
        """
        self._never_so = " UNION ALL ".join((*_NEVER_SO, _SUSPECTS) if sure else _NEVER_SO)
        self._connection: Any = apsw.Connection(path)
        self._connection.set_busy_timeout(1_000)
        self._connection.execute(_TRIGGERS + _REVIVED)

    def now(self) -> list[str]:
        """Tell what must never be so after a commit, yet is."""
        return [row[0] for row in self._connection.execute(self._never_so)]

    def unquiet(self) -> list[str]:
        """Tell what still waits or runs, live recurrences' next instants aside."""
        asked = f"{_UNQUIET} UNION ALL {_UNENDED}"
        return [row[0] for row in self._connection.execute(asked)]

    def entries(self) -> list[Entry]:
        """Return everything that happened."""
        return [Entry(*row) for row in self._connection.execute("SELECT * FROM audit ORDER BY seq")]

    def schedules(self) -> list[tuple[str, str, int, int, bytes]]:
        """Return the recurrences: job, state, occurrences, anchor, spec."""
        asked = "SELECT job_id, state, occurrences, anchor_at, spec FROM schedules ORDER BY job_id"
        return self._connection.execute(asked).fetchall()

    def heads(self) -> dict[str, int]:
        """Count the rows that speak for each one-off job: history's heads and live runs."""
        asked = """
            SELECT job_id, count(*) FROM (
                SELECT job_id FROM history WHERE head = 1
                UNION ALL SELECT job_id FROM runs WHERE recurring = 0)
            GROUP BY job_id"""
        return dict(self._connection.execute(asked).fetchall())

    def keys(self) -> dict[str, str]:
        """Return which job has which key."""
        return dict(self._connection.execute("SELECT key, job_id FROM job_keys").fetchall())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
