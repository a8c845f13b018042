"""Steps and signals on PostgreSQL: who changes either holds the run until the transaction's end.

So a signal and the settlement that suspends its run see one another, whichever comes first.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from ductape.domain.change import RunRef, Settlement
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.steps import Step, StepRecord
from ductape.stores.postgres.result_files import let_go
from ductape.stores.postgres.rows.searching import searchable
from ductape.stores.postgres.rows.steps import step_of, step_row
from ductape.stores.postgres.rows.values import Cell, Values, decode_json, encode, run_of
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.steps.recording import Recording

STOP = ""
"""The name of the signal that ends a run."""


class PostgresSteps:
    """Where the steps of runs are recorded."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine
        self._recording = Recording(engine)

    async def of_run(self, job_id: str, number: int) -> StepRecord:
        """Return what is recorded of a run, live or finished."""
        return await self._engine.read(lambda t: _of_run(t, _named(job_id, number)))

    async def record(self, run: RunRef, steps: Sequence[Step]) -> bool:
        """Store or replace steps, all at once; false, and nothing stored, if the fence is lost."""
        return await self._recording.record(run, steps)

    async def aclose(self) -> None:
        """Wait for what is in flight."""
        await self._recording.aclose()

    async def receive(self, run: RunRef, step: Step, *, now_ms: int) -> Step | None:
        """Give a step the earliest signal of the name that it awaits, or store it waiting."""
        return await self._engine.write(lambda t: _receive(t, run, step, now_ms))

    async def signal(self, job_id: str, name: str, data: JsonValue, *, now_ms: int) -> bool:
        """Keep a signal for a job's live run, and make it due if it waits for that name."""
        return await self._engine.write(lambda t: _signal(t, job_id, name, data, now_ms))

    async def stop(self, job_id: str, number: int, reason: str | None, *, now_ms: int) -> bool:
        """Ask a live run to undo its steps and end, and make it due if it is held."""
        named = _named(job_id, number)
        return await self._engine.write(lambda t: _stop(t, named, reason, now_ms))


async def make_due_if_heard(
    transaction: Transaction, settlement: Settlement, run: RunRef, now_ms: int
) -> None:
    """Make a run that goes back, and is held by us, due where what it waits for has come."""
    named, undoing = _named(run.job_id, run.number), settlement.undoing
    due = not undoing and await _first(transaction, named, STOP) is not None
    if not due and settlement.suspends:
        asked: Values = {**named, "undoing": undoing}
        due = await transaction.row("signals", "heard", asked) is not None
    if due:
        await transaction.change("runs", "make_due", {**named, "now": now_ms})


async def delete_steps(transaction: Transaction, runs: Sequence[tuple[str, int]]) -> None:
    """Forget the steps and signals of runs, and let go of the files of their results."""
    if runs:
        gone: Values = {"jobs": [job for job, _ in runs], "numbers": [at for _, at in runs]}
        await let_go(transaction, gone)
        await transaction.change("steps", "delete", gone)
        await transaction.change("signals", "delete", gone)


async def _of_run(transaction: Transaction, named: dict[str, Cell]) -> StepRecord:
    rows = await transaction.rows("steps", "of_run", named)
    stop = await _first(transaction, named, STOP)
    reason = None if stop is None else decode_json(stop[1])
    return StepRecord(tuple(map(step_of, rows)), stopping=stop is not None, reason=reason)


async def _receive(transaction: Transaction, run: RunRef, step: Step, now_ms: int) -> Step | None:
    named = _named(run.job_id, run.number)
    if await transaction.row("runs", "hold", {**named, "fence": run.fence}) is None:
        return None
    name = searchable(step.awaits or "")
    asked: Values = {**named, "name": name, "before": step.due_at_ms}
    came = await transaction.row("signals", "first_in_time", asked)
    if came is not None:
        data = decode_json(came[1])
        step = replace(step, state="completed", completed_at_ms=now_ms, due_at_ms=None, result=data)
        await transaction.change("signals", "take", {**named, "name": name, "place": came[0]})
    await transaction.change("steps", "put", step_row(run, step))
    return step


async def _signal(
    transaction: Transaction, job_id: str, name: str, data: JsonValue, now_ms: int
) -> bool:
    live = await transaction.row("runs", "hold_live", {"job_id": job_id})
    if live is None:
        return False
    named, name = _named(job_id, live[0]), searchable(name)
    await _put(transaction, named, name, data, now_ms)
    if await transaction.row("steps", "waiting", {**named, "name": name}) is not None:
        await transaction.change("runs", "make_due", {**named, "now": now_ms})
    return True


async def _stop(
    transaction: Transaction, named: dict[str, Cell], reason: str | None, now_ms: int
) -> bool:
    live = await transaction.row("runs", "hold_live", named)
    gone = live is None or live[0] != named["number"]
    if gone or await _first(transaction, named, STOP) is not None:
        return False
    await _put(transaction, named, STOP, reason, now_ms)
    await _let_any_undo(transaction, named)
    await transaction.change("runs", "make_due", {**named, "now": now_ms})
    return True


async def _let_any_undo(transaction: Transaction, named: dict[str, Cell]) -> None:
    """Wait no longer for a worker with the handler of a step that is not to be done any more."""
    run = run_of((await transaction.rows("runs", "one", named))[0])
    if run.lacks is not None:
        own: Values = {**named, "needs": run.spec.needs or ""}
        await transaction.change("runs", "set_needs", own)


async def _put(
    transaction: Transaction, named: dict[str, Cell], name: str, data: JsonValue, now_ms: int
) -> None:
    values: Values = {**named, "name": name, "data": encode(data), "now": now_ms}
    await transaction.change("signals", "put", values)


async def _first(
    transaction: Transaction, named: dict[str, Cell], name: str
) -> tuple[int, bytes] | None:
    row = await transaction.row("signals", "first", {**named, "name": name})
    return None if row is None else (row[0], row[1])


def _named(job_id: str, number: int) -> dict[str, Cell]:
    return {"job_id": job_id, "number": number}
