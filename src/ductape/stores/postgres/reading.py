"""Looking at jobs on PostgreSQL: each look sees one snapshot, and holds up nobody."""

from collections.abc import Sequence

from ductape.domain.ids import floor
from ductape.domain.job import Finished, Run
from ductape.domain.record import JobRecord
from ductape.ports.stores.reading import JobFilter
from ductape.stores.postgres.borrowing import Borrowing
from ductape.stores.postgres.engine import Engine
from ductape.stores.postgres.rows import (
    Row,
    Values,
    finished_of,
    run_of,
    schedule_of,
    searchable,
    searchable_metadata,
)
from ductape.stores.postgres.transaction import Transaction

LAST_ID = "g"
"""Sorts after every id."""


class PostgresReading:
    """Where jobs are looked at."""

    def __init__(self, engine: Engine, borrowing: Borrowing) -> None:
        """Work on an engine, or in callers' transactions."""
        self._engine = engine
        self._borrowing = borrowing

    async def get(self, job_id: str, *, transaction: object = None) -> JobRecord | None:
        """Return one job, as the caller's `transaction` sees it where one is given."""

        async def look(looking: Transaction) -> list[JobRecord]:
            return await _records(looking, [searchable(job_id)])

        if transaction is None:
            found = await self._engine.read(look)
        else:
            found = await self._borrowing.run(transaction, look)
        return found[0] if found else None

    async def many(self, where: JobFilter, *, limit: int, before: str | None) -> list[JobRecord]:
        """Return jobs, newest first, older than the job `before`."""
        values = _filter_values(where, limit, before)

        async def page(transaction: Transaction) -> list[JobRecord]:
            ids = [row[0] for row in await transaction.rows("jobs", "page", values)]
            return await _records(transaction, ids)

        return await self._engine.read(page)

    async def history(self, job_id: str, *, limit: int) -> list[Finished]:
        """Return finished runs, newest first."""
        values: Values = {"job_id": searchable(job_id), "most": limit}
        rows = await self._engine.single(lambda t: t.rows("history", "newest", values))
        return [finished_of(row) for row in rows]

    async def run(self, job_id: str, number: int) -> Run | Finished | None:
        """Return one run, live or finished."""
        return await self._engine.read(lambda t: _one(t, searchable(job_id), number))


async def _records(transaction: Transaction, ids: Sequence[str]) -> list[JobRecord]:
    """Return the jobs of these ids that are there, in the order of the ids."""
    if not ids:
        return []
    asked: Values = {"jobs": ids}
    live = _by_job(await transaction.rows("runs", "of_jobs", asked))
    schedules = _by_job(await transaction.rows("schedules", "get", asked))
    last = _by_job(await transaction.rows("history", "latest", asked))
    found = live.keys() | schedules.keys() | last.keys()
    return [
        _record(job_id, live.get(job_id), schedules.get(job_id), last.get(job_id))
        for job_id in ids
        if job_id in found
    ]


def _by_job(rows: Sequence[Row]) -> dict[str, Row]:
    return {row[0]: row for row in rows}


def _record(job_id: str, live: Row | None, schedule: Row | None, last: Row | None) -> JobRecord:
    finished = None if last is None else finished_of(last)
    return JobRecord(
        job_id=job_id,
        live=None if live is None else run_of(live),
        schedule=None if schedule is None else schedule_of(schedule),
        last=finished,
        updated_at_ms=max(
            0 if live is None else live[-1],
            0 if schedule is None else schedule[-1],
            0 if finished is None else finished.completed_at_ms,
        ),
    )


async def _one(transaction: Transaction, job_id: str, number: int) -> Run | Finished | None:
    named: Values = {"job_id": job_id, "number": number}
    live = await transaction.row("runs", "one", named)
    if live is not None:
        return run_of(live)
    done = await transaction.row("history", "one", named)
    return None if done is None else finished_of(done)


def _filter_values(where: JobFilter, limit: int, before: str | None) -> Values:
    until = LAST_ID if where.to_ms is None else floor(where.to_ms)
    return {
        "before": until if before is None else min(searchable(before), until),
        "since": "" if where.from_ms is None else floor(where.from_ms),
        "status": where.status,
        "kind": where.kind,
        "product": where.product,
        "env": where.env,
        "event": where.event,
        "queue": where.queue,
        "recurring": where.recurring,
        "session_tag": where.session_tag,
        "session_user_id": where.session_user,
        "q": None if where.q is None else searchable(where.q),
        "metadata": searchable_metadata(where.metadata),
        "most": limit,
    }
