"""Between domain values and rows. Columns are named in one order here and in the SQL files.

Many rows go to PostgreSQL as one array a column.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ductape.domain.identity import KeyHolder
from ductape.domain.job import (
    Attempt,
    Finished,
    JobSpec,
    Progress,
    Run,
    Schedule,
    attempt_ms,
    must_begin_by,
)
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.limits.flow import flow_of
from ductape.domain.outcome import StoredError
from ductape.stores.postgres.rows.searching import searchable_metadata

Row = tuple[Any, ...]
"""A cell's type is the column's, which only the SQL knows."""
Cell = str | int | float | bytes | None
Values = Mapping[str, Cell | Sequence[Cell]]

encode = msgspec.json.Encoder().encode
_spec = msgspec.json.Decoder(JobSpec).decode
_attempts = msgspec.json.Decoder(tuple[Attempt, ...]).decode
_progress = msgspec.json.Decoder(Progress).decode
_error = msgspec.json.Decoder(StoredError).decode
decode_json = msgspec.json.Decoder().decode

RUN_COLUMNS = (
    "job_id, number, state, fence, extra, scheduled_at, due_at, failures, losses, worker,"
    " started_at, first_started_at, cache_key, spec, attempts, checkpoint, progress, needs"
)
FINISHED_COLUMNS = (
    "job_id, number, outcome, extra, cached, scheduled_at, started_at, completed_at, failures,"
    " spec, attempts, result, error, progress"
)
SCHEDULE_COLUMNS = (
    "job_id, state, version, anchor_at, watermark, next_number, occurrences, executions, failed,"
    " extras, fault, spec, reason"
)

INSERTED = {
    "job_id": "text",
    "number": "int4",
    "state": "text",
    "fence": "int4",
    "product": "text",
    "env": "text",
    "event": "text",
    "kind": "text",
    "queue": "text",
    "rank": "int4",
    "flow": "text",
    "needs": "text",
    "concurrency": "int4",
    "recurring": "bool",
    "extra": "bool",
    "scheduled_at": "int8",
    "due_at": "int8",
    "timeout_ms": "int8",
    "failures": "int4",
    "losses": "int4",
    "worker": "text",
    "started_at": "int8",
    "first_started_at": "int8",
    "deadline_at": "int8",
    "cache_key": "bytea",
    "job_key": "text",
    "session_tag": "text",
    "session_user_id": "text",
    "metadata": "text",
    "spec": "bytea",
    "attempts": "bytea",
    "checkpoint": "bytea",
    "progress": "bytea",
    "expires_at": "int8",
    "updated_at": "int8",
}
"""The columns of a new run and their types, in the order in which they are copied."""

GRACE_MS = 30_000
"""Given past its deadline to a run that is stored in somebody's hands; a claim names its own."""


def run_row(run: Run, now_ms: int) -> dict[str, Cell]:
    """Return the columns of a live run."""
    spec = run.spec
    return {
        **_owner(spec),
        "job_id": run.job_id,
        "number": run.number,
        "state": run.state,
        "fence": run.fence,
        "rank": -spec.priority,
        "flow": flow_of(spec),
        "concurrency": None if spec.concurrency_key is None else spec.concurrency_limit,
        "recurring": spec.repeat is not None,
        "scheduled_at": run.scheduled_at_ms,
        "timeout_ms": attempt_ms(spec),
        "deadline_at": _deadline(run),
        "spec": encode(spec),
        "updated_at": now_ms,
        **moving_columns(run),
    }


def moving_columns(run: Run) -> dict[str, Cell]:
    """Return the columns that change while a run lives."""
    return {
        "extra": run.extra,
        "due_at": run.due_at_ms,
        "failures": run.failures,
        "losses": run.losses,
        "worker": run.worker,
        "started_at": run.started_at_ms,
        "first_started_at": run.first_started_at_ms,
        "cache_key": run.cache_key,
        "expires_at": must_begin_by(run),
        "needs": run.needs or "",
        "attempts": encode(run.attempts) if run.attempts else None,
        "checkpoint": None if run.checkpoint is None else encode(run.checkpoint),
        "progress": None if run.progress is None else encode(run.progress),
    }


def run_of(row: Row) -> Run:
    """Read `RUN_COLUMNS`."""
    spec = _spec(row[13])
    return Run(
        job_id=row[0],
        number=row[1],
        state=row[2],
        fence=row[3],
        extra=bool(row[4]),
        scheduled_at_ms=row[5],
        due_at_ms=row[6],
        failures=row[7],
        losses=row[8],
        worker=row[9],
        started_at_ms=row[10],
        first_started_at_ms=row[11],
        cache_key=row[12],
        spec=spec,
        attempts=_attempts(row[14]) if row[14] else (),
        checkpoint=decode_json(row[15]) if row[15] else None,
        progress=_progress(row[16]) if row[16] else None,
        lacks=row[17] if row[17] != (spec.needs or "") else None,
    )


def finished_row(done: Finished) -> dict[str, Cell]:
    """Return the columns of a finished run."""
    spec = done.spec
    return {
        **_owner(spec),
        "job_id": done.job_id,
        "number": done.number,
        "outcome": done.outcome,
        "head": spec.repeat is None,
        "extra": done.extra,
        "cached": done.cached,
        "scheduled_at": done.scheduled_at_ms,
        "started_at": done.started_at_ms,
        "completed_at": done.completed_at_ms,
        "failures": done.failures,
        "spec": encode(spec),
        "attempts": encode(done.attempts),
        "result": encode_result(done.result),
        "error": None if done.error is None else encode(done.error),
        "progress": None if done.progress is None else encode(done.progress),
    }


def ending_columns(done: Finished, fence: int) -> dict[str, Cell]:
    """Return what the end of a run adds to its columns, and the fence that must hold."""
    return {
        "job_id": done.job_id,
        "number": done.number,
        "fence": fence,
        "outcome": done.outcome,
        "cached": done.cached,
        "completed_at": done.completed_at_ms,
        "failures": done.failures,
        "attempts": encode(done.attempts),
        "result": encode_result(done.result),
        "error": None if done.error is None else encode(done.error),
        "progress": None if done.progress is None else encode(done.progress),
        # Only an occurrence may have come to stand for another instant than it was made for.
        "scheduled_at": None if done.spec.repeat is None else done.scheduled_at_ms,
    }


def finished_of(row: Row) -> Finished:
    """Read `FINISHED_COLUMNS`."""
    return Finished(
        job_id=row[0],
        number=row[1],
        outcome=row[2],
        extra=bool(row[3]),
        cached=bool(row[4]),
        scheduled_at_ms=row[5],
        started_at_ms=row[6],
        completed_at_ms=row[7],
        failures=row[8],
        spec=_spec(row[9]),
        attempts=_attempts(row[10]),
        result=decode_json(row[11]) if row[11] else None,
        error=_error(row[12]) if row[12] else None,
        progress=_progress(row[13]) if row[13] else None,
    )


def schedule_row(schedule: Schedule, now_ms: int) -> dict[str, Cell]:
    """Return the columns of a recurrence, without its twin mark."""
    return {
        **_owner(schedule.spec),
        "job_id": schedule.job_id,
        "state": schedule.state,
        "version": schedule.version,
        "anchor_at": schedule.anchor_ms,
        "watermark": schedule.watermark_ms,
        "next_number": schedule.next_number,
        "occurrences": schedule.occurrences,
        "executions": schedule.executions,
        "failed": schedule.failed,
        "extras": schedule.extras,
        "fault": schedule.fault,
        "reason": schedule.reason,
        "spec": encode(schedule.spec),
        "now": now_ms,
    }


def schedule_of(row: Row) -> Schedule:
    """Read `SCHEDULE_COLUMNS`."""
    return Schedule(
        job_id=row[0],
        state=row[1],
        version=row[2],
        anchor_ms=row[3],
        watermark_ms=row[4],
        next_number=row[5],
        occurrences=row[6],
        executions=row[7],
        failed=row[8],
        extras=row[9],
        fault=row[10],
        spec=_spec(row[11]),
        reason=row[12],
    )


def holder_of(row: Row) -> KeyHolder:
    """Return the job that has a key."""
    return KeyHolder(row[0], row[1], row[2], recurring=row[3])


def encode_result(result: JsonValue) -> bytes | None:
    """Return a result as stored; nothing at all for `null`."""
    return None if result is None else encode(result)


def by_column(rows: Sequence[Mapping[str, Cell]]) -> dict[str, list[Cell]]:
    """Turn rows of the same columns into one list a column.

    >>> by_column([{"a": 1, "b": 2}, {"a": 3, "b": 4}])
    {'a': [1, 3], 'b': [2, 4]}
    """
    return {name: [row[name] for row in rows] for name in rows[0]}


def _deadline(run: Run) -> int | None:
    return (
        None if run.started_at_ms is None else run.started_at_ms + attempt_ms(run.spec) + GRACE_MS
    )


def _owner(spec: JobSpec) -> dict[str, Cell]:
    return {
        "product": spec.product,
        "env": spec.env,
        "event": spec.event,
        "kind": str(spec.kind),
        "queue": spec.queue,
        "job_key": spec.key,
        "session_tag": None if spec.session is None else spec.session.tag,
        "session_user_id": None if spec.session is None else spec.session.user,
        "metadata": searchable_metadata(spec.metadata),
    }
