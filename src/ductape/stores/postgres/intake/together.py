"""Plain new jobs that arrive while a commit is in flight share the next one (group commit).

There is no timer: a lone caller's job is one statement at once, and under load the batches form by
themselves. Each caller returns only after the commit that holds its own job. If a shared commit
fails by one of its jobs, they are tried one by one, and each caller gets its own error; if the
server is at fault, all are told at once: one by one each would wait for it anew.
"""

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from ductape.domain.job import Run
from ductape.errors import StoreError
from ductape.ports.stores.intake import Added, NewJob
from ductape.stores.postgres.intake.inserting import store_run, store_runs
from ductape.stores.postgres.intake.riding import Passenger, PassengerAlong, board
from ductape.stores.postgres.products import newest_versions
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.faults import doubted, for_another, is_of_a_row
from ductape.stores.postgres.server.transaction import Transaction

LANES = 2
"""How many commits may be in flight: while one waits for the disk, the next is sent."""
MOST_JOBS = 1_000
"""How many jobs share a commit."""


class _Member(Struct, frozen=True, eq=False):
    """One caller's job, and where its answer goes."""

    job: NewJob
    now_ms: int
    answer: asyncio.Future[Added]


class Together:
    """Stores single jobs without a key, a schedule or a twin."""

    def __init__(self, engine: Engine, along: PassengerAlong) -> None:
        """Work on an engine, or have a lone job go `along` with a turn."""
        self._engine = engine
        self._along = along
        self._waiting: list[_Member] = []
        self._in_flight = 0
        self._commits: set[asyncio.Task[None]] = set()

    async def add(self, job: NewJob, *, now_ms: int) -> Added:
        """Store a job; durable on return. Raises `StoreError`."""
        self._engine.check()
        if self._in_flight < LANES:
            self._in_flight += 1
            try:
                return await self._alone(job, now_ms)
            finally:
                self._landed()
        member = _Member(job, now_ms, asyncio.get_running_loop().create_future())
        self._waiting.append(member)
        return await member.answer

    async def aclose(self) -> None:
        """Wait for what is in flight."""
        while self._commits:
            await asyncio.wait(self._commits)

    async def _alone(self, job: NewJob, now_ms: int) -> Added:
        run, version = _run(job), job.product_version or None
        rider = board(self._along, Passenger(run, now_ms, version))
        if rider is not None and (carried := await rider.answer) is not None:
            return carried
        sent = rider is not None and rider.tried

        async def insert(transaction: Transaction) -> bool:
            nonlocal sent
            # The connection may have gone after the commit: then the job may even have run by now.
            if sent and await transaction.cell("jobs", "known", {"job_id": job.job_id}):
                return True
            sent = True
            return await store_run(transaction, run, now_ms, version)

        try:
            stored = await self._engine.single(insert)
        except StoreError as error:
            if rider is None or not rider.in_doubt or error.in_doubt:
                raise
            raise doubted(error) from error
        return Added("added" if stored else "moved", job.job_id)

    def _landed(self) -> None:
        """Let those that wait go next."""
        self._in_flight -= 1
        if self._waiting:
            self._in_flight += 1
            commit = asyncio.create_task(self._commit(), name="ductape-commit")
            self._commits.add(commit)
            commit.add_done_callback(self._commits.discard)

    async def _commit(self) -> None:
        """Commit those that wait, and those whose last job was answered just now and who ask again.

        They have come by the time that this task begins.
        """
        members, self._waiting = self._waiting[:MOST_JOBS], self._waiting[MOST_JOBS:]
        present = [member for member in members if not member.answer.done()]
        try:
            answers = await self._engine.write(lambda t: _add_many(t, present))
            for member, answer in zip(present, answers, strict=True):
                if not member.answer.done():
                    member.answer.set_result(answer)
        except StoreError as error:
            for member in present:
                if is_of_a_row(error):
                    await self._again(member)
                elif not member.answer.done():
                    member.answer.set_exception(for_another(error))
        except BaseException as error:
            for member in present:
                if not member.answer.done():
                    member.answer.set_exception(error)
            raise
        finally:
            self._landed()

    async def _again(self, member: _Member) -> None:
        """Try one member of a failed commit by itself."""
        if member.answer.done():
            return
        try:
            answer = await self._alone(member.job, member.now_ms)
        except StoreError as error:
            if not member.answer.done():
                member.answer.set_exception(error)
        else:
            if not member.answer.done():
                member.answer.set_result(answer)


async def _add_many(transaction: Transaction, members: Sequence[_Member]) -> list[Added]:
    """Store those whose products are still at the versions they were resolved against."""
    checked = {one.job.spec.product for one in members if one.job.product_version}
    newest = await newest_versions(transaction, checked)
    current = [one for one in members if _is_current(one.job, newest)]
    await store_runs(transaction, [(_run(one.job), one.now_ms) for one in current])
    stored = {one.job.job_id for one in current}
    return [
        Added("added" if one.job.job_id in stored else "moved", one.job.job_id) for one in members
    ]


def _is_current(job: NewJob, newest: dict[str, int]) -> bool:
    return not job.product_version or newest.get(job.spec.product) == job.product_version


def _run(job: NewJob) -> Run:
    if job.run is None:
        msg = "a plain job has a run"
        raise ValueError(msg)
    return job.run
