"""Looking at jobs on SQLite, beside the writer (WAL)."""

from collections.abc import Sequence

from ductape.domain.ids import floor
from ductape.domain.job import Finished, Run
from ductape.domain.record import JobRecord
from ductape.ports.stores.reading import EnvAndKey, JobFilter, Keyed
from ductape.stores.gathering import Gathering
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.statements import statements
from ductape.stores.sqlite.intake.keys import holder_of
from ductape.stores.sqlite.outbox.lending import lent_by
from ductape.stores.sqlite.rows.values import encode, finished_of, run_of, schedule_of

LAST_ID = "g"
"""Sorts after every id."""


class SqliteReading:
    """Where jobs are looked at."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine
        self._gathering = Gathering(self._look)

    async def get(self, job_id: str, *, transaction: object = None) -> JobRecord | None:
        """Return one job, as the caller's `transaction` sees it where one is given."""
        if transaction is None:
            return await self._gathering.get(job_id)
        return await lent_by(self._engine, transaction).whole(lambda c: _record(c, job_id))

    async def many(self, where: JobFilter, *, limit: int, before: str | None) -> list[JobRecord]:
        """Return jobs, newest first, older than the job `before`."""
        values = filter_values(where, limit, before)
        return await self._engine.read(lambda c: _page(c, values))

    async def keyed(self, product: str, keys: Sequence[EnvAndKey]) -> list[Keyed]:
        """Return the jobs that have these keys of a product; none twice."""
        asked = list(dict.fromkeys(keys))
        return await self._engine.read(lambda c: _keyed(c, product, asked))

    async def history(self, job_id: str, *, limit: int) -> list[Finished]:
        """Return finished runs, newest first."""
        sql = statements("history")["newest"]
        rows = await self._engine.read(
            lambda c: c.execute(sql, {"job_id": job_id, "most": limit}).fetchall()
        )
        return [finished_of(row) for row in rows]

    async def cancelled(self, job_id: str) -> int:
        """Count the finished runs that were cancelled once they had begun."""
        sql = statements("history")["cancelled"]
        [row] = await self._engine.read(lambda c: c.execute(sql, {"job_id": job_id}).fetchall())
        return row[0]

    async def run(self, job_id: str, number: int) -> Run | Finished | None:
        """Return one run, live or finished."""
        return await self._engine.read(lambda c: _one(c, job_id, number))

    async def _look(self, ids: Sequence[str]) -> dict[str, JobRecord]:
        return await self._engine.read(lambda c: {one.job_id: one for one in _records(c, ids)})


def _record(connection: Connection, job_id: str) -> JobRecord | None:
    named: dict[str, Cell] = {"job_id": job_id}
    live = connection.execute(statements("runs")["of_job"], named).fetchone()
    schedule = connection.execute(statements("schedules")["get"], named).fetchone()
    last = connection.execute(statements("history")["latest"], named).fetchone()
    if live is None and schedule is None and last is None:
        return None
    return JobRecord(
        job_id=job_id,
        live=None if live is None else run_of(live),
        schedule=None if schedule is None else schedule_of(schedule),
        last=None if last is None else finished_of(last),
        updated_at_ms=max(
            0 if live is None else live[-1],
            0 if schedule is None else schedule[-1],
            0 if last is None else finished_of(last).completed_at_ms,
        ),
    )


def _page(connection: Connection, values: dict[str, Cell]) -> list[JobRecord]:
    ids = [row[0] for row in connection.execute(statements("jobs")["page"], values)]
    return _records(connection, ids)


def _records(connection: Connection, ids: Sequence[str]) -> list[JobRecord]:
    records = (_record(connection, job_id) for job_id in ids)
    return [record for record in records if record is not None]


def _keyed(connection: Connection, product: str, keys: Sequence[EnvAndKey]) -> list[Keyed]:
    found: list[Keyed] = []
    for env, key in keys:
        holder = holder_of(connection, product, env, key)
        record = None if holder is None else _record(connection, holder.job_id)
        if holder is not None and record is not None:
            found.append(Keyed(env, key, holder, record))
    return found


def _one(connection: Connection, job_id: str, number: int) -> Run | Finished | None:
    named: dict[str, Cell] = {"job_id": job_id, "number": number}
    live = connection.execute(statements("runs")["one"], named).fetchone()
    if live is not None:
        return run_of(live)
    done = connection.execute(statements("history")["one"], named).fetchone()
    return None if done is None else finished_of(done)


def filter_values(where: JobFilter, limit: int, before: str | None) -> dict[str, Cell]:
    """Return what a filter asks of the page's statement."""
    until = LAST_ID if where.to_ms is None else floor(where.to_ms)
    return {
        "before": until if before is None else min(before, until),
        "since": "" if where.from_ms is None else floor(where.from_ms),
        "now": where.now_ms,
        "status": where.status,
        "kind": where.kind,
        "product": where.product,
        "env": where.env,
        "event": where.event,
        "queue": where.queue,
        "recurring": where.recurring,
        "session_tag": where.session_tag,
        "session_user": where.session_user,
        "q": where.q,
        "metadata": encode(dict(where.metadata)).decode() if where.metadata else None,
        "most": limit,
    }
