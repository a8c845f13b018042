"""What the store itself writes down: triggers note every change of every run, in its transaction.

Nothing of the engine is asked. SQL here knows only the tables, so that what it notes holds whatever
the services say. Instants are epoch milliseconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

LEASE_MS = 3_000
"""The lease of every worker here: two beats further apart are a lease that had run out."""

TABLE = """
CREATE TABLE {schema}audit (
    seq {serial}, what TEXT, job TEXT, number INTEGER, state TEXT, worker TEXT,
    scheduled_at BIGINT, due_at BIGINT, started_at BIGINT, extra {flag}, losses INTEGER,
    version INTEGER, attempts {bytes}, result {bytes}, error {bytes}, cached {flag},
    queue TEXT, flow TEXT, rank INTEGER, concurrency INTEGER, rate_limit INTEGER, rate_ms BIGINT,
    look INTEGER);
CREATE INDEX audit_unseen ON {schema}audit (seq) WHERE look IS NULL;
"""

_PLACE = "queue, flow, rank, concurrency"
_NEW_PLACE = "new.queue, new.flow, new.rank, new.concurrency"
_LIMITS = "queue, state, concurrency, rate_limit, rate_ms"
_NEW_LIMITS = (
    "new.name, CASE WHEN new.paused THEN 'paused' ELSE 'open' END, new.concurrency,"
    " new.rate_limit, new.rate_ms"
)


@dataclass(frozen=True, slots=True)
class Trigger:
    """One kind of change and what is noted of it."""

    what: str
    after: str
    columns: str
    values: str
    when: str = ""
    nth: int = 1


TRIGGERS = (
    Trigger(
        "made",
        "INSERT ON {schema}runs",
        f"job, number, state, scheduled_at, due_at, extra, losses, {_PLACE}",
        "new.job_id, new.number, new.state, new.scheduled_at, new.due_at, new.extra, new.losses,"
        f" {_NEW_PLACE}",
    ),
    Trigger(
        "claimed",
        "UPDATE OF state ON {schema}runs",
        f"job, number, state, worker, due_at, started_at, losses, {_PLACE}",
        "new.job_id, new.number, old.state, new.worker, new.due_at, new.started_at, new.losses,"
        f" {_NEW_PLACE}",
        "new.state = 'running' AND old.state <> 'running'",
    ),
    Trigger(
        "back",
        "UPDATE OF state ON {schema}runs",
        f"job, number, state, worker, due_at, losses, {_PLACE}",
        f"new.job_id, new.number, new.state, old.worker, new.due_at, new.losses, {_NEW_PLACE}",
        "new.state <> 'running' AND old.state = 'running'",
    ),
    Trigger(
        "waits",
        "UPDATE OF state ON {schema}runs",
        f"job, number, state, due_at, losses, {_PLACE}",
        f"new.job_id, new.number, new.state, new.due_at, new.losses, {_NEW_PLACE}",
        "new.state <> 'running' AND old.state <> 'running' AND new.state <> old.state",
    ),
    Trigger(
        "gone",
        "DELETE ON {schema}runs",
        "job, number, state, losses, queue, flow, rank, concurrency",
        "old.job_id, old.number, old.state, old.losses, old.queue, old.flow, old.rank,"
        " old.concurrency",
    ),
    Trigger(
        "finished",
        "INSERT ON {schema}history",
        "job, number, state, scheduled_at, extra, attempts, result, error, cached",
        "new.job_id, new.number, new.outcome, new.scheduled_at, new.extra, new.attempts,"
        " new.result, new.error, new.cached",
    ),
    Trigger(
        "schedule",
        "UPDATE ON {schema}schedules",
        "job, number, state, version",
        "new.job_id, new.occurrences, new.state, new.version",
    ),
    Trigger(
        "revived",
        "UPDATE ON {schema}workers",
        "job, number, worker",
        "'', 0, new.id",
        f"old.lease_until < new.lease_until - {LEASE_MS}",
    ),
    Trigger(
        "queue", "INSERT ON {schema}queues", f"job, number, {_LIMITS}", f"'', 0, {_NEW_LIMITS}"
    ),
    Trigger(
        "queue",
        "UPDATE OF paused, concurrency, rate_limit, rate_ms ON {schema}queues",
        f"job, number, {_LIMITS}",
        f"'', 0, {_NEW_LIMITS}",
        nth=2,
    ),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One change; of one run in the order of the commits."""

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
    queue: str | None
    flow: str | None
    rank: int | None
    """Minus the priority."""
    concurrency: int | None
    """The limit of the run's concurrency key; of a queue's entry, the queue's."""
    rate_limit: int | None
    rate_ms: int | None
    look: int
    """Which look of the witness saw it first."""


def in_sqlite() -> Iterator[str]:
    """Give the statements that make the notes in a file."""
    names = {"schema": "", "flag": "INTEGER", "bytes": "BLOB", "serial": "INTEGER PRIMARY KEY"}
    yield TABLE.format(**names)
    for one in TRIGGERS:
        when = f"WHEN {one.when} " if one.when else ""
        yield (
            f"CREATE TRIGGER audit_{one.what}_{one.nth} AFTER {one.after.format(schema='')}"
            f" {when}BEGIN {_noting('audit', one)}; END"
        )


def in_postgres(schema: str) -> Iterator[str]:
    """Give the statements that make the notes in a schema."""
    serial = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
    names = {"schema": f"{schema}.", "flag": "BOOLEAN", "bytes": "BYTEA", "serial": serial}
    yield TABLE.format(**names)
    for one in TRIGGERS:
        name = f"audit_{one.what}_{one.nth}"
        when = f"WHEN ({one.when}) " if one.when else ""
        yield (
            f"CREATE FUNCTION {schema}.{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" {_noting(f'{schema}.audit', one)}; RETURN NULL; END $$"
        )
        yield (
            f"CREATE TRIGGER {name} AFTER {one.after.format(schema=names['schema'])} FOR EACH ROW"
            f" {when}EXECUTE FUNCTION {schema}.{name}()"
        )


def _noting(table: str, one: Trigger) -> str:
    values = f"VALUES ('{one.what}', {one.values})"
    return f"INSERT INTO {table} (what, {one.columns}) {values}"
