"""Storing jobs on PostgreSQL: who has a key is decided while its row is held.

Whoever comes second to a key or a twin waits for the first to commit, then finds the job there: a
hundred callers at once leave one job, and each answer is a value, never an SQL error.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from ductape.domain.identity import KeyHolder, conflict_reason, weigh
from ductape.domain.job import Run, Schedule, under_way
from ductape.domain.recurring import replaced
from ductape.domain.settlement import dropped
from ductape.ports.stores.intake import Added, NewJob
from ductape.stores.postgres.along import Along
from ductape.stores.postgres.borrowing import Borrowing
from ductape.stores.postgres.engine import Engine
from ductape.stores.postgres.inserting import store_run, store_runs, stream_fresh
from ductape.stores.postgres.products import newest_versions
from ductape.stores.postgres.rows import (
    Cell,
    Row,
    Values,
    by_column,
    finished_row,
    holder_of,
    run_of,
    schedule_of,
    schedule_row,
)
from ductape.stores.postgres.together import Together
from ductape.stores.postgres.transaction import Transaction
from ductape.stores.postgres.wake import tell_at_commit


class _Refused(Exception):
    """Nothing of the batch is to be stored."""

    def __init__(self, answers: list[Added]) -> None:
        super().__init__()
        self.answers = answers


class PostgresIntake:
    """Where jobs come in."""

    def __init__(self, engine: Engine, borrowing: Borrowing, along: Along) -> None:
        """Work on an engine, in callers' transactions, or `along` with a turn."""
        self._engine = engine
        self._borrowing = borrowing
        self._together = Together(engine, along)

    async def holder(
        self, product: str, env: str, key: str, *, transaction: object = None
    ) -> KeyHolder | None:
        """Tell which job has a key, as the caller's `transaction` sees it where one is given."""
        values: Values = {"product": product, "env": env, "key": key}

        async def look(looking: Transaction) -> Row | None:
            return await looking.row("job_keys", "holder", values)

        if transaction is None:
            row = await self._engine.single(look)
        else:
            row = await self._borrowing.run(transaction, look)
        return None if row is None else holder_of(row)

    async def add(
        self, jobs: Sequence[NewJob], *, now_ms: int, transaction: object = None
    ) -> list[Added]:
        """Store all or, on a conflict or a move, none; answers in order.

        Durable on return, or, with the caller's own `transaction`, once that commits.
        """
        if not jobs:
            return []
        if transaction is None and len(jobs) == 1 and _is_plain(jobs[0]) and not jobs[0].also:
            return [await self._together.add(jobs[0], now_ms=now_ms)]
        try:
            if transaction is None:
                return await self._engine.write(lambda t: _add_all(t, jobs, now_ms))
            return await self._borrowing.run(transaction, lambda t: _add_told(t, jobs, now_ms))
        except _Refused as refused:
            return refused.answers

    async def add_stream(
        self, product: str, jobs: Callable[[], Iterable[NewJob]], *, now_ms: int
    ) -> bool:
        """Store new jobs of one product while they are made, all or none; false where it moved on.

        Durable on return.
        """
        try:
            await self._engine.write(lambda t: _add_stream(t, product, jobs(), now_ms))
        except _Refused:
            return False
        return True

    async def aclose(self) -> None:
        """Wait for what is in flight."""
        await self._together.aclose()


async def _add_stream(
    transaction: Transaction, product: str, jobs: Iterable[NewJob], now_ms: int
) -> None:
    """Send each as it is made; see afterwards whether the product is as they were resolved."""
    versions: set[int] = set()

    def runs() -> Iterator[tuple[Run, int]]:
        for job in jobs:
            versions.add(job.product_version)
            yield from _runs_of(job, now_ms)

    await stream_fresh(transaction, runs())
    newest = await newest_versions(transaction, {product})
    if any(version not in (0, newest.get(product)) for version in versions):
        raise _Refused([])


async def _add_told(transaction: Transaction, jobs: Sequence[NewJob], now_ms: int) -> list[Added]:
    """Store them in a transaction whose commit we do not see."""
    answers = await _add_all(transaction, jobs, now_ms)
    if any(answer.verdict in ("added", "replaced") for answer in answers):
        await tell_at_commit(transaction, "work")
    return answers


async def _add_all(transaction: Transaction, jobs: Sequence[NewJob], now_ms: int) -> list[Added]:
    if not await _resolved_as_current(transaction, jobs):
        return [Added("moved", job.job_id) for job in jobs]
    if all(map(_is_plain, jobs)):  # most batches are: a job of its own takes no thought then
        await store_runs(transaction, [each for job in jobs for each in _runs_of(job, now_ms)])
        return [Added("added", job.job_id) for job in jobs]
    taken = await _take_keys(transaction, jobs)
    fresh = {job.job_id: job for job in jobs if _is_new(job, taken)}
    runs = [each for job in fresh.values() for each in _runs_of(job, now_ms)]
    await store_runs(transaction, runs)
    answers = [Added("added", job.job_id) for job in jobs]
    for at in sorted(range(len(jobs)), key=lambda at: _turn(jobs[at])):
        if jobs[at].job_id not in fresh:
            answers[at] = await _add_with(transaction, jobs[at], taken, now_ms)
    if any(answer.verdict in ("conflict", "moved") for answer in answers):
        raise _Refused(answers)
    return answers


def _turn(job: NewJob) -> tuple[str, str, str, bytes]:
    """Return when a job of a batch has its turn: everybody holds keys and twins in one order.

    So who asks for some of the same in another order waits, and not in a circle.
    """
    return (job.spec.key or "", job.spec.product, job.spec.env, job.twin or b"")


async def _resolved_as_current(transaction: Transaction, jobs: Sequence[NewJob]) -> bool:
    """Tell whether no product has moved on from the version its jobs were resolved against.

    The snapshot of a caller's transaction may be older than that version.
    """
    claimed = {(job.spec.product, job.product_version) for job in jobs if job.product_version}
    newest = await newest_versions(transaction, {product for product, _ in claimed})
    return all(newest.get(product, 0) <= version for product, version in claimed)


def _is_plain(job: NewJob) -> bool:
    return job.schedule is None and job.spec.key is None and job.run is not None


def _runs_of(job: NewJob, now_ms: int) -> Iterator[tuple[Run, int]]:
    """Give a job's first run, and what tells of it."""
    if job.run is not None:
        yield job.run, now_ms
    for run in job.also:
        yield run, now_ms


def _is_new(job: NewJob, taken: Collection[str]) -> bool:
    """Tell whether a job runs once, and no other has its key."""
    free = job.spec.key is None or job.job_id in taken
    return free and job.schedule is None and job.run is not None


async def _add_with(
    transaction: Transaction, job: NewJob, taken: Collection[str], now_ms: int
) -> Added:
    """Add a job, and what tells of it if there is something to tell."""
    added = await _add(transaction, job, taken, now_ms)
    if added.verdict in ("added", "replaced"):
        await store_runs(transaction, [(run, now_ms) for run in job.also])
    return added


async def _add(transaction: Transaction, job: NewJob, taken: Collection[str], now_ms: int) -> Added:
    if job.spec.key is not None and job.job_id not in taken:
        return await _add_keyed(transaction, job, job.spec.key, now_ms)
    while not await _insert(transaction, job, now_ms):
        twin: str | None = await transaction.cell("schedules", "twin", {"twin": job.twin})
        if twin is not None:
            return Added("existing", twin)
    return Added("added", job.job_id)


async def _add_keyed(transaction: Transaction, job: NewJob, key: str, now_ms: int) -> Added:
    held = await _taken(transaction, job, key)
    if held is None:
        await _insert(transaction, job, now_ms)
        return Added("added", job.job_id)
    event, recurring = job.spec.event, job.schedule is not None
    match weigh(held, digest=job.digest, event=event, recurring=recurring):
        case "same":
            return Added("existing", held.job_id)
        case "conflict":
            reason = conflict_reason(held, event=event, recurring=recurring)
            return Added("conflict", held.job_id, reason)
        case "add" | "replace":
            if held.job_id != job.job_id:
                return Added("moved", held.job_id)
    await _replace(transaction, job, now_ms)
    await transaction.change("job_keys", "redefine", _key_row(job, key))
    return Added("replaced", job.job_id)


async def _take_keys(transaction: Transaction, jobs: Sequence[NewJob]) -> set[str]:
    """Take the keys that nobody has yet; return the ids of the jobs that have them now."""
    rows = [_key_row(job, job.spec.key) for job in jobs if job.spec.key is not None]
    if not rows:
        return set()
    return {row[0] for row in await transaction.rows("job_keys", "take_all", by_column(rows))}


async def _taken(transaction: Transaction, job: NewJob, key: str) -> KeyHolder | None:
    """Hold the row of who has the key and return that; where nobody has it, take it."""
    row = _key_row(job, key)
    while (held := await transaction.row("job_keys", "hold", row)) is None:
        if await transaction.change("job_keys", "take", row):
            return None
    return holder_of(held)


async def _insert(transaction: Transaction, job: NewJob, now_ms: int) -> bool:
    """Store a job; false, and nothing stored, where it has a live twin."""
    if job.schedule is not None and not await _insert_schedule(
        transaction, job.schedule, job.twin, now_ms
    ):
        return False
    if job.run is not None:
        await store_run(transaction, job.run, now_ms)
    return True


async def _insert_schedule(
    transaction: Transaction, schedule: Schedule, twin: bytes | None, now_ms: int
) -> bool:
    values: Values = {**schedule_row(schedule, now_ms), "twin": twin}
    return await transaction.change("schedules", "insert", values) == 1


async def _replace(transaction: Transaction, job: NewJob, now_ms: int) -> None:
    """Give the recurrence its new definition: the waiting run goes, a running one stays."""
    await transaction.rows("schedules", "lock", {"jobs": [job.job_id]})
    stored = await transaction.row("schedules", "get", {"jobs": [job.job_id]})
    if stored is None or job.schedule is None:
        await _insert(transaction, job, now_ms)
        return
    rows = await transaction.rows("runs", "hold_job", {"job_id": job.job_id})
    runs = [run_of(row) for row in rows]
    running = any(run.state == "running" or under_way(run) for run in runs)
    if not running:
        await _drop_waiting(transaction, job.job_id, runs, now_ms)
    schedule, first = replaced(schedule_of(stored), job.schedule, job.run, running=running)
    await transaction.change("schedules", "update", schedule_row(schedule, now_ms))
    if first is not None:
        await store_run(transaction, first, now_ms)


async def _drop_waiting(
    transaction: Transaction, job_id: str, runs: Sequence[Run], now_ms: int
) -> None:
    """Take the waiting run away; one that was tried has a history."""
    tried = dropped(runs[0], now_ms=now_ms) if runs else None
    await transaction.change("runs", "drop_waiting", {"job_id": job_id})
    if tried is not None:
        await transaction.change("history", "insert", finished_row(tried))


def _key_row(job: NewJob, key: str) -> dict[str, Cell]:
    return {
        "product": job.spec.product,
        "env": job.spec.env,
        "key": key,
        "job_id": job.job_id,
        "digest": job.digest,
        "event": job.spec.event,
        "recurring": job.schedule is not None,
    }
