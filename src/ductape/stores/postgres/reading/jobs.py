"""Looking at jobs on PostgreSQL: each look sees one snapshot, and holds up nobody.

History is looked for among the days since its job was made. What is not found there is looked for
everywhere: a clock may have been set back.
"""

from collections.abc import Mapping, Sequence

from ductape.domain.job import Finished, Run
from ductape.domain.record import JobRecord
from ductape.ports.stores.reading import EnvAndKey, JobFilter, Keyed
from ductape.stores.gathering import Gathering
from ductape.stores.postgres.outbox.borrowing import Borrowing
from ductape.stores.postgres.reading.paging import page
from ductape.stores.postgres.rows.searching import searchable
from ductape.stores.postgres.rows.values import (
    Cell,
    Row,
    Values,
    finished_of,
    holder_of,
    run_of,
    schedule_of,
)
from ductape.stores.postgres.schema.days import EVER, ended_from
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction


class PostgresReading:
    """Where jobs are looked at."""

    def __init__(self, engine: Engine, borrowing: Borrowing) -> None:
        """Work on an engine, or in callers' transactions."""
        self._engine = engine
        self._borrowing = borrowing
        self._gathering = Gathering(self._look)

    async def get(self, job_id: str, *, transaction: object = None) -> JobRecord | None:
        """Return one job, as the caller's `transaction` sees it where one is given."""
        asked = searchable(job_id)
        if transaction is None:
            return await self._gathering.get(asked)
        found = await self._borrowing.run(transaction, lambda t: _records(t, [asked]))
        return found[0] if found else None

    async def many(self, where: JobFilter, *, limit: int, before: str | None) -> list[JobRecord]:
        """Return jobs, newest first, older than the job `before`."""

        async def look(transaction: Transaction) -> list[JobRecord]:
            ids = await page(transaction, where, limit=limit, before=before)
            return await _records(transaction, ids)

        return await self._engine.read(look)

    async def keyed(self, product: str, keys: Sequence[EnvAndKey]) -> list[Keyed]:
        """Return the jobs that have these keys of a product; none twice."""
        each = dict.fromkeys((searchable(env), searchable(key)) for env, key in keys)
        asked: Values = {
            "products": [searchable(product)] * len(each),
            "envs": [env for env, _ in each],
            "names": [key for _, key in each],
        }

        async def look(transaction: Transaction) -> list[Keyed]:
            held = await transaction.rows("job_keys", "holders", asked)
            records = await _records(transaction, [row[0] for row in held])
            by_id = {record.job_id: record for record in records}
            return [
                Keyed(row[5], row[6], holder_of(row), by_id[row[0]])
                for row in held
                if row[0] in by_id
            ]

        return await self._engine.read(look) if keys else []

    async def history(self, job_id: str, *, limit: int) -> list[Finished]:
        """Return finished runs, newest first."""
        asked = {"most": limit}
        rows = await self._engine.read(lambda t: _ended(t, "newest", searchable(job_id), asked))
        return [finished_of(row) for row in rows]

    async def cancelled(self, job_id: str) -> int:
        """Count the finished runs that were cancelled once they had begun."""
        rows = await self._engine.read(lambda t: _ended(t, "cancelled", searchable(job_id), {}))
        return rows[0][0]

    async def run(self, job_id: str, number: int) -> Run | Finished | None:
        """Return one run, live or finished."""
        return await self._engine.read(lambda t: _one(t, searchable(job_id), number))

    async def _look(self, ids: Sequence[str]) -> dict[str, JobRecord]:
        records = await self._engine.read(lambda t: _records(t, ids))
        return {record.job_id: record for record in records}


async def _records(transaction: Transaction, ids: Sequence[str]) -> list[JobRecord]:
    """Return the jobs of these ids that are there, in the order of the ids."""
    if not ids:
        return []
    asked: Values = {"jobs": ids}
    live = _by_job(await transaction.rows("runs", "of_jobs", asked))
    schedules = _by_job(await transaction.rows("schedules", "get", asked))
    ended = [job_id for job_id in ids if job_id not in live or live[job_id][1] > 1]
    last = _by_job(await _latest(transaction, ended, ended_from(ended)))
    found = live.keys() | schedules.keys() | last.keys()
    missing = [job_id for job_id in ids if job_id not in found]
    last |= _by_job(await _latest(transaction, missing, EVER))
    return [
        _record(job_id, live.get(job_id), schedules.get(job_id), last.get(job_id))
        for job_id in ids
        if job_id in found or job_id in last
    ]


async def _latest(transaction: Transaction, ids: Sequence[str], since_ms: int) -> list[Row]:
    asked: Values = {"jobs": ids, "ended_from": since_ms}
    return await transaction.rows("history", "latest", asked) if ids else []


async def _ended(
    transaction: Transaction, name: str, job_id: str, asked: Mapping[str, Cell]
) -> list[Row]:
    """Ask history about one job."""
    named = {**asked, "job_id": job_id}
    since_ms = ended_from([job_id])
    rows = await transaction.rows("history", name, {**named, "ended_from": since_ms})
    if rows or since_ms == EVER:
        return rows
    return await transaction.rows("history", name, {**named, "ended_from": EVER})


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
    live = await transaction.row("runs", "one", {"job_id": job_id, "number": number})
    if live is not None:
        return run_of(live)
    done = await _ended(transaction, "one", job_id, {"number": number})
    return finished_of(done[0]) if done else None
