"""Steps and signals on SQLite: each change is one transaction, by the fence's holder alone."""

from collections.abc import Sequence

from msgspec.structs import replace

from ductape.domain.change import RunRef, Settlement
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.steps import Step, StepRecord
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.statements import statements
from ductape.stores.sqlite.result_files import let_go
from ductape.stores.sqlite.rows.steps import step_of, step_row
from ductape.stores.sqlite.rows.values import decode_json, encode, run_of

STOP = ""
"""The name of the signal that ends a run."""


class SqliteSteps:
    """Where the steps of runs are recorded."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def of_run(self, job_id: str, number: int) -> StepRecord:
        """Return what is recorded of a run, live or finished."""
        return await self._engine.read(lambda c: _of_run(c, _named(job_id, number)))

    async def record(self, run: RunRef, steps: Sequence[Step]) -> bool:
        """Store or replace steps, all at once; false, and nothing stored, if the fence is lost."""
        return await self._engine.write(lambda c: _record(c, run, steps))

    async def receive(self, run: RunRef, step: Step, *, now_ms: int) -> Step | None:
        """Give a step the earliest signal of the name that it awaits, or store it waiting."""
        return await self._engine.write(lambda c: _receive(c, run, step, now_ms))

    async def signal(self, job_id: str, name: str, data: JsonValue, *, now_ms: int) -> bool:
        """Keep a signal for a job's live run, and make it due if it waits for that name."""
        return await self._engine.write(lambda c: _signal(c, job_id, name, data, now_ms))

    async def stop(self, job_id: str, number: int, reason: str | None, *, now_ms: int) -> bool:
        """Ask a live run to undo its steps and end, and make it due if it is held."""
        named = _named(job_id, number)
        return await self._engine.write(lambda c: _stop(c, named, reason, now_ms))


def make_due_if_heard(
    connection: Connection, settlement: Settlement, run: RunRef, now_ms: int
) -> None:
    """Make a run that goes back due at once where what it waits for has come already."""
    named, undoing = _named(run.job_id, run.number), settlement.undoing
    due = not undoing and _first(connection, named, STOP) is not None
    if not due and settlement.suspends:
        asked: dict[str, Cell] = {**named, "undoing": undoing}
        due = connection.execute(statements("signals")["heard"], asked).get is not None
    if due:
        connection.execute(statements("runs")["make_due"], {**named, "now": now_ms})


def delete_steps(connection: Connection, runs: Sequence[dict[str, Cell]]) -> None:
    """Forget the steps and signals of runs, and let go of the files of their results."""
    let_go(connection, runs)
    connection.executemany(statements("steps")["delete"], runs)
    connection.executemany(statements("signals")["delete"], runs)


def _of_run(connection: Connection, named: dict[str, Cell]) -> StepRecord:
    rows = connection.execute(statements("steps")["of_run"], named).fetchall()
    stop = _first(connection, named, STOP)
    reason = None if stop is None else decode_json(stop[1])
    return StepRecord(tuple(map(step_of, rows)), stopping=stop is not None, reason=reason)


def _record(connection: Connection, run: RunRef, steps: Sequence[Step]) -> bool:
    named = _named(run.job_id, run.number)
    if connection.execute(statements("runs")["fence"], named).get != run.fence:
        return False
    for step in steps:
        connection.execute(statements("steps")["put"], step_row(run, step))
    return True


def _receive(connection: Connection, run: RunRef, step: Step, now_ms: int) -> Step | None:
    named = _named(run.job_id, run.number)
    name = step.awaits or ""
    asked: dict[str, Cell] = {**named, "name": name, "before": step.due_at_ms}
    came = connection.execute(statements("signals")["first_in_time"], asked).fetchone()
    if came is not None:
        data = decode_json(came[1])
        step = replace(step, state="completed", completed_at_ms=now_ms, due_at_ms=None, result=data)
    if not _record(connection, run, [step]):
        return None
    if came is not None:
        taken: dict[str, Cell] = {**named, "name": name, "place": came[0]}
        connection.execute(statements("signals")["take"], taken)
    return step


def _signal(connection: Connection, job_id: str, name: str, data: JsonValue, now_ms: int) -> bool:
    live = connection.execute(statements("runs")["live"], {"job_id": job_id}).fetchone()
    if live is None:
        return False
    named = _named(job_id, live[0])
    _put(connection, named, name, data, now_ms)
    if connection.execute(statements("steps")["waiting"], {**named, "name": name}).get:
        connection.execute(statements("runs")["make_due"], {**named, "now": now_ms})
    return True


def _stop(connection: Connection, named: dict[str, Cell], reason: str | None, now_ms: int) -> bool:
    live = connection.execute(statements("runs")["fence"], named).get is not None
    if not live or _first(connection, named, STOP) is not None:
        return False
    _put(connection, named, STOP, reason, now_ms)
    _let_any_undo(connection, named)
    connection.execute(statements("runs")["make_due"], {**named, "now": now_ms})
    return True


def _let_any_undo(connection: Connection, named: dict[str, Cell]) -> None:
    """Wait no longer for a worker with the handler of a step that is not to be done any more."""
    run = run_of(connection.execute(statements("runs")["one"], named).fetchall()[0])
    if run.lacks is not None:
        own: dict[str, Cell] = {**named, "needs": run.spec.needs or ""}
        connection.execute(statements("runs")["set_needs"], own)


def _put(
    connection: Connection, named: dict[str, Cell], name: str, data: JsonValue, now_ms: int
) -> None:
    values: dict[str, Cell] = {**named, "name": name, "data": encode(data), "now": now_ms}
    connection.execute(statements("signals")["put"], values)


def _first(connection: Connection, named: dict[str, Cell], name: str) -> tuple[int, bytes] | None:
    row = connection.execute(statements("signals")["first"], {**named, "name": name}).fetchone()
    return None if row is None else (row[0], row[1])


def _named(job_id: str, number: int) -> dict[str, Cell]:
    return {"job_id": job_id, "number": number}
