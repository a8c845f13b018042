"""Steps on their way between values and rows."""

import msgspec

from ductape.domain.change import RunRef
from ductape.domain.outcome import StoredError
from ductape.domain.steps import Step
from ductape.stores.sqlite.connection import Cell, Row
from ductape.stores.sqlite.rows.values import decode_json, encode

STEP_COLUMNS = (
    "path, kind, state, position, started_at, failures, due_at, awaits, completed_at, result, error"
)

_error = msgspec.json.Decoder(StoredError).decode


def step_row(run: RunRef, step: Step) -> dict[str, Cell]:
    """Return the columns of a step of a run."""
    return {
        "job_id": run.job_id,
        "number": run.number,
        "path": step.path,
        "position": step.position,
        "kind": step.kind,
        "state": step.state,
        "started_at": step.started_at_ms,
        "failures": step.failures,
        "due_at": step.due_at_ms,
        "awaits": step.awaits,
        "completed_at": step.completed_at_ms,
        "result": None if step.result is None else encode(step.result),
        "error": None if step.error is None else encode(step.error),
    }


def step_of(row: Row) -> Step:
    """Read `STEP_COLUMNS`."""
    return Step(
        path=row[0],
        kind=row[1],
        state=row[2],
        position=row[3],
        started_at_ms=row[4],
        failures=row[5],
        due_at_ms=row[6],
        awaits=row[7],
        completed_at_ms=row[8],
        result=decode_json(row[9]) if row[9] else None,
        error=_error(row[10]) if row[10] else None,
    )
