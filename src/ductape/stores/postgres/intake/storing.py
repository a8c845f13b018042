"""Storing jobs on PostgreSQL: who has a key is decided while its row is held.

Whoever comes second to a key or a twin waits for the first to commit, then finds the job there: a
hundred callers at once leave one job, and each answer is a value, never an SQL error.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from ductape.domain.identity import KeyHolder, conflict_reason, weigh
from ductape.domain.job import Run
from ductape.errors import StoreError
from ductape.ports.stores.intake import Added, NewJob
from ductape.stores.postgres.intake.doubting import advise
from ductape.stores.postgres.intake.inserting import store_runs, stream_fresh
from ductape.stores.postgres.intake.keys import Key, Keys, holders, key_of, redefine, take_or_hold
from ductape.stores.postgres.intake.recurrences import (
    add_recurrences,
    replace_recurrences,
    runs_of,
)
from ductape.stores.postgres.intake.riding import PassengerAlong
from ductape.stores.postgres.intake.together import Together
from ductape.stores.postgres.outbox.borrowing import Borrowing
from ductape.stores.postgres.products import newest_versions
from ductape.stores.postgres.server.batches import Batches
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.server.wake import tell_at_commit


class _Refused(Exception):
    """Nothing of the batch is to be stored."""

    def __init__(self, answers: list[Added]) -> None:
        super().__init__()
        self.answers = answers


class PostgresIntake:
    """Where jobs come in."""

    def __init__(self, engine: Engine, borrowing: Borrowing, along: PassengerAlong) -> None:
        """Work on an engine, in callers' transactions, or `along` with a turn."""
        self._engine = engine
        self._borrowing = borrowing
        self._together = Together(engine, along)
        self._looks = Batches(self._holders, name="ductape-keys")

    async def holder(
        self, product: str, env: str, key: str, *, transaction: object = None
    ) -> KeyHolder | None:
        """Tell which job has a key, as the caller's `transaction` sees it where one is given."""
        if transaction is None:
            return await self._looks.answer((product, env, key))
        [holder] = await self._borrowing.run(
            transaction, lambda t: holders(t, [(product, env, key)])
        )
        return holder

    async def add(
        self, jobs: Sequence[NewJob], *, now_ms: int, transaction: object = None
    ) -> list[Added]:
        """Store all or, on a conflict or a move, none; answers in order.

        Durable on return, or, with the caller's own `transaction`, once that commits.
        """
        if not jobs:
            return []
        if transaction is not None:
            return await self._add_lent(jobs, now_ms, transaction)
        try:
            if len(jobs) == 1 and _is_plain(jobs[0]) and not jobs[0].also:
                return [await self._together.add(jobs[0], now_ms=now_ms)]
            return await self._engine.write(lambda t: _add_all(t, jobs, now_ms))
        except _Refused as refused:
            return refused.answers
        except StoreError as error:
            advise(error)
            raise

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
        except StoreError as error:
            advise(error)
            raise
        return True

    async def _add_lent(
        self, jobs: Sequence[NewJob], now_ms: int, transaction: object
    ) -> list[Added]:
        try:
            return await self._borrowing.run(transaction, lambda t: _add_told(t, jobs, now_ms))
        except _Refused as refused:
            return refused.answers

    async def _holders(self, keys: Sequence[Key]) -> list[KeyHolder | None]:
        return await self._engine.single(lambda t: holders(t, keys))

    async def aclose(self) -> None:
        """Wait for what is in flight."""
        await self._together.aclose()
        await self._looks.aclose()


async def _add_stream(
    transaction: Transaction, product: str, jobs: Iterable[NewJob], now_ms: int
) -> None:
    """Send each as it is made; see afterwards whether the product is as they were resolved."""
    versions: set[int] = set()

    def runs() -> Iterator[tuple[Run, int]]:
        for job in jobs:
            versions.add(job.product_version)
            yield from runs_of(job, now_ms)

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
        await store_runs(transaction, [each for job in jobs for each in runs_of(job, now_ms)])
        return [Added("added", job.job_id) for job in jobs]
    keys = await take_or_hold(transaction, jobs)
    free = [at for at, job in enumerate(jobs) if job.spec.key is None or at in keys.taken]
    known = sorted({*range(len(jobs))}.difference(free))
    answers = {at: Added("added", jobs[at].job_id) for at in free if _runs_once(jobs[at])}
    runs = [each for at in answers for each in runs_of(jobs[at], now_ms)]
    await store_runs(transaction, runs)
    recurring = [at for at in free if at not in answers]
    added = await add_recurrences(transaction, [jobs[at] for at in recurring], now_ms)
    answers.update((at, added[jobs[at].job_id]) for at in recurring)
    answers.update((at, _add_known(jobs[at], keys)) for at in known)
    told = [answers[at] for at in range(len(jobs))]
    if any(answer.verdict in ("conflict", "moved") for answer in told):
        raise _Refused(told)
    changed = {jobs[at].job_id: jobs[at] for at in known if answers[at].verdict == "replaced"}
    if changed:
        await redefine(transaction, [*changed.values()])
        await replace_recurrences(transaction, [*changed.values()], now_ms)
    return told


async def _resolved_as_current(transaction: Transaction, jobs: Sequence[NewJob]) -> bool:
    """Tell whether no product has moved on from the version its jobs were resolved against.

    The snapshot of a caller's transaction may be older than that version.
    """
    claimed = {(job.spec.product, job.product_version) for job in jobs if job.product_version}
    newest = await newest_versions(transaction, {product for product, _ in claimed})
    return all(newest.get(product, 0) <= version for product, version in claimed)


def _is_plain(job: NewJob) -> bool:
    return job.schedule is None and job.spec.key is None and job.run is not None


def _runs_once(job: NewJob) -> bool:
    return job.schedule is None and job.run is not None


def _add_known(job: NewJob, keys: Keys) -> Added:
    """Answer a job whose key was known."""
    held, verdict = _holder(job, keys), _verdict(job, keys)
    if verdict == "conflict":
        recurring = job.schedule is not None
        reason = conflict_reason(held, event=job.spec.event, recurring=recurring)
        return Added("conflict", held.job_id, reason)
    if verdict == "replaced":
        keys.are_taken_by(job)
    return Added(verdict, held.job_id)


def _verdict(job: NewJob, keys: Keys) -> Literal["existing", "conflict", "moved", "replaced"]:
    held = _holder(job, keys)
    recurring = job.schedule is not None
    match weigh(held, digest=job.digest, event=job.spec.event, recurring=recurring):
        case "same":
            return "existing"
        case "conflict":
            return "conflict"
        case "add" | "replace":
            return "replaced" if held.job_id == job.job_id else "moved"


def _holder(job: NewJob, keys: Keys) -> KeyHolder:
    key = key_of(job)
    if key is None:
        msg = "a job without a key has no holder of it"
        raise ValueError(msg)
    return keys.held[key]
