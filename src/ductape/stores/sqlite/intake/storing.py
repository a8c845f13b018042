"""Storing jobs on SQLite: who holds a key is decided inside the write transaction."""

from collections.abc import Callable, Iterable, Sequence

from ductape.domain.identity import KeyHolder, conflict_reason, weigh
from ductape.domain.job import Finished, Run, under_way
from ductape.domain.recurring import replaced
from ductape.domain.settlement import dropped
from ductape.ports.stores.intake import Added, NewJob
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.statements import statements
from ductape.stores.sqlite.intake.keys import holder_of
from ductape.stores.sqlite.intake.together import (
    ArrivalsAlong,
    Together,
    add_plain,
    current_versions,
)
from ductape.stores.sqlite.outbox.lending import lent_by
from ductape.stores.sqlite.rows.values import (
    finished_row,
    run_of,
    schedule_of,
    schedule_row,
)
from ductape.stores.sqlite.settling import store_fresh, store_run


class SqliteIntake:
    """Where jobs come in."""

    def __init__(self, engine: Engine, along: ArrivalsAlong) -> None:
        """Work on an engine, or have a lone job go `along` with a turn."""
        self._engine = engine
        self._together = Together(engine, along)

    async def holder(
        self, product: str, env: str, key: str, *, transaction: object = None
    ) -> KeyHolder | None:
        """Tell which job has a key, as the caller's `transaction` sees it where one is given."""
        if transaction is None:
            return await self._engine.read(lambda c: holder_of(c, product, env, key))
        lent = lent_by(self._engine, transaction)
        return await lent.whole(lambda c: holder_of(c, product, env, key))

    async def add(
        self, jobs: Sequence[NewJob], *, now_ms: int, transaction: object = None
    ) -> list[Added]:
        """Store all or, on a conflict or a move, none; answers in order.

        Durable on return, or, with the caller's own `transaction`, once that commits.
        """
        if transaction is not None:
            lent = lent_by(self._engine, transaction)
            lent.told.add("work")
            return await lent.whole(lambda c: _add_all(c, jobs, now_ms))
        if len(jobs) == 1 and _all_plain(jobs):
            return [await self._together.add(jobs[0], now_ms=now_ms)]
        return await self._engine.write(lambda c: _add_all(c, jobs, now_ms))

    async def add_stream(
        self,
        product: str,  # noqa: ARG002 (the port's)
        jobs: Callable[[], Iterable[NewJob]],
        *,
        now_ms: int,
    ) -> bool:
        """Store new jobs of one product, all or none; false where it has moved on.

        They are made before: Python's lock lets no other thread store them meanwhile.
        """
        made = list(jobs())
        answers = await self._engine.write(lambda c: _add_all(c, made, now_ms))
        return all(answer.verdict == "added" for answer in answers)


def _add_all(connection: Connection, jobs: Sequence[NewJob], now_ms: int) -> list[Added]:
    if not _resolved_as_current(connection, jobs):
        return [Added("moved", job.job_id) for job in jobs]
    if _all_plain(jobs):
        add_plain(connection, [(job, now_ms) for job in jobs])
        return [Added("added", job.job_id) for job in jobs]
    connection.execute("SAVEPOINT batch")
    answers = [_add_told(connection, job, now_ms) for job in jobs]
    if any(answer.verdict in ("conflict", "moved") for answer in answers):
        connection.execute("ROLLBACK TO batch")
    connection.execute("RELEASE batch")
    return answers


def _resolved_as_current(connection: Connection, jobs: Sequence[NewJob]) -> bool:
    """Tell whether every product is still at the version its jobs were resolved against."""
    versions = current_versions(connection, jobs)
    resolved = {(job.spec.product, job.product_version) for job in jobs if job.product_version}
    return all(versions[product] == version for product, version in resolved)


def _all_plain(jobs: Sequence[NewJob]) -> bool:
    return all(
        job.schedule is None and job.spec.key is None and job.run is not None for job in jobs
    )


def _add_told(connection: Connection, job: NewJob, now_ms: int) -> Added:
    """Add a job, and what tells of it if there is something to tell."""
    added = _add(connection, job, now_ms)
    if added.verdict in ("added", "replaced"):
        store_fresh(connection, [(run, now_ms) for run in job.also])
    return added


def _add(connection: Connection, job: NewJob, now_ms: int) -> Added:
    spec = job.spec
    if spec.key is not None:
        held = holder_of(connection, spec.product, spec.env, spec.key)
        return _add_keyed(connection, job, held, spec.key, now_ms)
    if job.twin is not None:
        twin = connection.execute(statements("schedules")["twin"], {"twin": job.twin}).get
        if twin is not None:
            return Added("existing", twin)
    _insert(connection, job, now_ms)
    return Added("added", job.job_id)


def _add_keyed(
    connection: Connection, job: NewJob, held: KeyHolder | None, key: str, now_ms: int
) -> Added:
    recurring = job.schedule is not None
    event = job.spec.event
    verdict = weigh(held, digest=job.digest, event=event, recurring=recurring)
    if held is None:
        _insert(connection, job, now_ms)
    elif verdict == "same":
        return Added("existing", held.job_id)
    elif verdict == "conflict":
        reason = conflict_reason(held, event=event, recurring=recurring)
        return Added("conflict", held.job_id, reason)
    elif held.job_id != job.job_id:
        return Added("moved", held.job_id)
    else:
        _replace(connection, job, now_ms)
    _take_key(connection, job, key)
    return Added("added" if held is None else "replaced", job.job_id)


def _insert(connection: Connection, job: NewJob, now_ms: int) -> None:
    if job.schedule is not None:
        row = {**schedule_row(job.schedule, now_ms), "twin": job.twin}
        connection.execute(statements("schedules")["insert"], row)
    if job.run is not None:
        store_run(connection, job.run, now_ms)


def _replace(connection: Connection, job: NewJob, now_ms: int) -> None:
    """Give the recurrence its new definition: the waiting run goes, a running one stays."""
    named: dict[str, Cell] = {"job_id": job.job_id}
    stored = connection.execute(statements("schedules")["get"], named).fetchone()
    if stored is None or job.schedule is None:
        _insert(connection, job, now_ms)
        return
    row = connection.execute(statements("runs")["of_job"], named).fetchone()
    live = None if row is None else run_of(row)
    running = live is not None and (live.state == "running" or under_way(live))
    tried = None if running else _drop_waiting(connection, live, named, now_ms)
    old = schedule_of(stored)
    schedule, first = replaced(old, job.schedule, job.run, running=running, tried=tried)
    connection.execute(statements("schedules")["update"], schedule_row(schedule, now_ms))
    if first is not None:
        store_run(connection, first, now_ms)


def _drop_waiting(
    connection: Connection, waiting: Run | None, named: dict[str, Cell], now_ms: int
) -> Finished | None:
    """Take the waiting run away; one that was tried has a history, and is returned."""
    tried = None if waiting is None else dropped(waiting, now_ms=now_ms)
    connection.execute(statements("runs")["drop_waiting"], named)
    if tried is not None:
        connection.execute(statements("history")["insert"], finished_row(tried))
    return tried


def _take_key(connection: Connection, job: NewJob, key: str) -> None:
    values: dict[str, Cell] = {
        "product": job.spec.product,
        "env": job.spec.env,
        "key": key,
        "job_id": job.job_id,
        "digest": job.digest,
        "event": job.spec.event,
        "recurring": job.schedule is not None,
    }
    connection.execute(statements("job_keys")["take"], values)
