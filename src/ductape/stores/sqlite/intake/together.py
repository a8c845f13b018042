"""Plain jobs that arrive in one turn of the event loop are stored by one statement.

A hundred callers then cost the writer one step instead of a hundred, and the two threads hand
Python's lock over a few times instead of hundreds. Each caller still returns only after its own
commit, and a statement that fails for all is tried again for each.

An idle worker of this process is told before: the turn that it begins takes the job along and finds
it in the same transaction, so that one commit lies between a dispatch and the handler's first line.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ductape.errors import StoreError
from ductape.ports.stores.intake import Added, NewJob
from ductape.stores.along import Along, Rider
from ductape.stores.sqlite.connection import Connection
from ductape.stores.sqlite.file.engine import Engine, refuse_beside_a_loan
from ductape.stores.sqlite.file.statements import statements
from ductape.stores.sqlite.settling import store_fresh


class _Arrival(Struct, frozen=True):
    """One caller's job, and where its answer goes."""

    job: NewJob
    now_ms: int
    answer: asyncio.Future[Added]


Answers = Sequence[tuple[_Arrival, Added]]
ArrivalsAlong = Along[Callable[[Connection], Answers], Answers]
"""What stores arrivals, for a turn to do so."""
ArrivalsRider = Rider[Callable[[Connection], Answers], Answers]


class Together:
    """Stores plain jobs: no key, no recurrence."""

    def __init__(self, engine: Engine, along: ArrivalsAlong) -> None:
        """Work on an engine, or have a lone job go `along` with a turn."""
        self._engine = engine
        self._along = along
        self._awaited = False
        """Whether somebody asks for what has arrived."""
        self._arrived: list[_Arrival] = []
        self._writes: set[asyncio.Task[None]] = set()

    async def add(self, job: NewJob, *, now_ms: int) -> Added:
        """Store one job with all that arrive beside it."""
        self._engine.check()
        refuse_beside_a_loan()
        answer: asyncio.Future[Added] = asyncio.get_running_loop().create_future()
        if not self._arrived:
            write = asyncio.create_task(self._write_arrived())
            self._writes.add(write)
            write.add_done_callback(self._writes.discard)
        self._arrived.append(_Arrival(job, now_ms, answer))
        if not self._awaited and job.run is not None and job.run.state == "queued":
            self._awaited = self._along.awaited()
        return await answer

    async def _write_arrived(self) -> None:
        """Write what has arrived by the next turn of the loop."""
        arrivals, self._arrived = self._arrived, []
        awaited, self._awaited = self._awaited, False
        lone = len(arrivals) == 1
        if lone and awaited and await self._goes_along(arrivals):
            return
        try:
            await self._write(arrivals, lone=lone and not awaited)
        except StoreError:
            for arrival in arrivals:
                await self._write_one(arrival)

    async def _goes_along(self, arrivals: Sequence[_Arrival]) -> bool:
        """Have a turn store what has arrived; tell whether one did."""
        rider = self._along.board(lambda c: _store(c, arrivals))
        answers = None if rider is None else await rider.answer
        _deliver(answers or ())
        return answers is not None

    async def _write_one(self, arrival: _Arrival) -> None:
        try:
            await self._write([arrival], lone=True)
        except StoreError as error:
            if not arrival.answer.done():
                arrival.answer.set_exception(error)

    async def _write(self, arrivals: Sequence[_Arrival], *, lone: bool) -> None:
        write = self._engine.write_lone if lone else self._engine.write
        _deliver(await write(lambda c: _store(c, arrivals)))


def begun_by(answers: Answers, claimed: Collection[str]) -> Answers:
    """Note which of the jobs a worker has already."""
    return [(one, replace(added, begun=added.job_id in claimed)) for one, added in answers]


def add_plain(connection: Connection, jobs: Sequence[tuple[NewJob, int]]) -> None:
    """Insert the first runs of jobs, and what tells of them, each with its instant."""
    runs = [(job.run, now_ms) for job, now_ms in jobs if job.run is not None]
    runs += [(run, now_ms) for job, now_ms in jobs for run in job.also]
    store_fresh(connection, runs)


def current_versions(connection: Connection, jobs: Sequence[NewJob]) -> dict[str, int]:
    """Return the present version of every product that the jobs were resolved against."""
    sql = statements("products")["version"]
    tags = {job.spec.product for job in jobs if job.product_version}
    return {tag: connection.execute(sql, {"tag": tag}).get for tag in tags}


def _deliver(answers: Answers) -> None:
    for arrival, answer in answers:
        if not arrival.answer.done():
            arrival.answer.set_result(answer)


def _store(connection: Connection, arrivals: Sequence[_Arrival]) -> Answers:
    """Store those whose product has not changed; a caller that is gone is left out."""
    there = [arrival for arrival in arrivals if not arrival.answer.cancelled()]
    versions = current_versions(connection, [arrival.job for arrival in there])
    stored: list[tuple[NewJob, int]] = []
    answers: list[tuple[_Arrival, Added]] = []
    for arrival in there:
        job = arrival.job
        fits = not job.product_version or versions[job.spec.product] == job.product_version
        if fits:
            stored.append((job, arrival.now_ms))
        answers.append((arrival, Added("added" if fits else "moved", job.job_id)))
    add_plain(connection, stored)
    return answers
