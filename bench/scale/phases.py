"""What each phase of a no-op job's life costs on PostgreSQL, by the SDK and a real worker.

A phase is measured twice: once for its processor time, WAL and rows, once more with fewer jobs
through a relay that counts round trips, since the relay takes time of this process itself.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from msgspec.structs import replace

from bench.figures import JOB, PRODUCT
from bench.grounds import SETTINGS
from bench.scale.costs import Phase
from bench.scale.meter import Ledger, Meter, Spent, ledger, phase_of
from bench.scale.relay import Trips, counted
from bench.server import BenchServer
from ductape import Ductape, Handlers
from ductape.worker.options import WorkerOptions

A_CALL = 1_000
SLOTS = 200
"""Those of a worker as it comes."""
TRIPS_PART = 10
"""The count of round trips goes by a tenth of the jobs."""
EVERY_MS = 1_000
TABLES = ("runs", "history", "schedules")

NOTHING = Ledger(0, {}, 0, 0)
ONE, BULK = "dispatch, one by one", "dispatch, 1,000 a call"
DRAIN, OCCURRENCE = "claim and settle", "an occurrence"


@dataclass(frozen=True)
class Amount:
    """How much is measured."""

    single: int
    bulk: int
    drained: int
    recurring: int
    rounds: int
    """How often each recurring job occurs."""
    repeats: int = 1
    """How often all is measured: the cheapest is kept, which is the least disturbed."""

    @classmethod
    def full(cls) -> "Amount":
        """For figures worth quoting."""
        return cls(3_000, 50_000, 60_000, 400, 8, repeats=3)

    @classmethod
    def short(cls) -> "Amount":
        """To see that it works."""
        return cls(100, 2_000, 2_000, 20, 1)

    def tenth(self) -> "Amount":
        """For what is only counted."""
        part = TRIPS_PART
        return Amount(
            self.single // part,
            max(A_CALL, self.bulk // part),
            max(A_CALL, self.drained // part),
            self.recurring,
            1,
        )


@dataclass
class Work:
    """A phase under way: how many jobs it had, and what was spent on them."""

    jobs: int = 0
    spent: Spent | None = None
    begun: Ledger = NOTHING
    """What the database had counted before."""
    book: Callable[[str], Ledger] = ledger


Read = Callable[[], Spent]
Doing = Callable[[str, Amount, Read, Work], Awaitable[None]]
"""Does a phase on a database, and says in `Work` where it began and what it took."""


class Gated:
    """A handler that holds its first runs back, so that no start-up is measured."""

    def __init__(self, held: int) -> None:
        self.handlers = Handlers()
        self.count = 0
        self.wanted = 0
        self.reached = asyncio.Event()
        self.all_held = asyncio.Event()
        self.gate = asyncio.Event()
        waiting = 0

        @self.handlers.job("noop")
        async def noop(_: dict[str, object]) -> None:
            nonlocal waiting
            if not self.gate.is_set():
                waiting += 1
                if waiting == held:
                    self.all_held.set()
                await self.gate.wait()
            self.count += 1
            if self.count >= self.wanted:
                self.reached.set()

    async def until(self, count: int) -> None:
        """Wait until so many runs have been handled, from the first."""
        self.wanted = count
        if self.count < count:
            self.reached.clear()
            await self.reached.wait()


async def phases(server: BenchServer, meter: Meter, amount: Amount) -> list[Phase]:
    """Measure every phase that the SDK goes through."""
    doings: dict[str, Doing] = {ONE: _one, BULK: _bulk, DRAIN: _drain, OCCURRENCE: _occur}
    found: list[Phase] = []
    for name, doing in doings.items():
        round_trips = await _round_trips(server, amount.tenth(), doing)
        measured = [await _phase(server, meter, amount, name, doing) for _ in range(amount.repeats)]
        cheapest = min(measured, key=lambda one: one.client_us + one.server_us)
        found.append(replace(cheapest, round_trips=round_trips))
    return found


async def _round_trips(server: BenchServer, amount: Amount, doing: Doing) -> float:
    counting = Work(book=lambda _: NOTHING)
    async with counted(await server.fresh("trips")) as (relayed, trips):
        await doing(relayed, amount, _trips_read(trips), counting)
    assert counting.spent is not None
    return counting.spent.syncs / counting.jobs


async def _phase(
    server: BenchServer, meter: Meter, amount: Amount, name: str, doing: Doing
) -> Phase:
    url = await server.fresh("phase")
    work = Work()
    await doing(url, amount, meter.read, work)
    kept = ledger(url)
    assert work.spent is not None
    spent, jobs = work.spent, work.jobs
    written = _written(work.begun, kept)
    every = written.get("history", (jobs, 0, 0))[0]  # those beside what was timed as well
    rows = {
        table: (made / every, changed / every, gone / every)
        for table, (made, changed, gone) in sorted(written.items())
    }
    commits = (kept.commits - work.begun.commits) / every
    found = phase_of(spent, name, jobs, commits=commits, rows=rows)
    if "history" not in written:
        return found
    left, in_indexes = kept.history_bytes / every, kept.history_index_bytes / every
    return replace(found, left_bytes=left, left_index_bytes=in_indexes)


def _written(before: Ledger, after: Ledger) -> dict[str, tuple[int, int, int]]:
    """Return the rows of jobs that were written in between."""
    written: dict[str, tuple[int, int, int]] = {}
    for table in TABLES:
        made, changed, gone = after.rows.get(table, (0, 0, 0))
        old = before.rows.get(table, (0, 0, 0))
        if made + changed + gone > sum(old):
            written[table] = (made - old[0], changed - old[1], gone - old[2])
    return written


def _trips_read(trips: Trips) -> Read:
    """Count round trips where else the syncs would be."""
    return lambda: Spent(time.perf_counter(), 0.0, 0.0, 0, 0, trips.total)


@asynccontextmanager
async def _opened(
    url: str, handlers: Handlers, worker: WorkerOptions | None
) -> AsyncGenerator[Ductape]:
    async with Ductape.open(
        url, config=SETTINGS, handlers=handlers, worker=worker or False
    ) as ductape:
        await ductape.products.apply(PRODUCT)
        yield ductape


async def _one(url: str, amount: Amount, read: Read, work: Work) -> None:
    async with _opened(url, Gated(SLOTS).handlers, None):
        pass  # so that the opening's own transactions are in the book
    work.begun = work.book(url)
    async with _opened(url, Gated(SLOTS).handlers, None) as ductape:
        before = read()
        for _ in range(amount.single):
            await ductape.processor.job.dispatch(JOB)
        work.jobs, work.spent = amount.single, read().since(before)


async def _bulk(url: str, amount: Amount, read: Read, work: Work) -> None:
    async with _opened(url, Gated(SLOTS).handlers, None) as ductape:
        before = read()
        for _ in range(amount.bulk // A_CALL):
            await ductape.processor.job.dispatch_many([JOB] * A_CALL)
        work.jobs, work.spent = amount.bulk, read().since(before)


async def _drain(url: str, amount: Amount, read: Read, work: Work) -> None:
    gated = Gated(SLOTS)
    async with _opened(url, gated.handlers, None) as ductape:
        for _ in range(amount.drained // A_CALL):
            await ductape.processor.job.dispatch_many([JOB] * A_CALL)
    work.begun = work.book(url)
    async with _opened(url, gated.handlers, WorkerOptions(concurrency=SLOTS)):
        await gated.all_held.wait()
        before = read()
        gated.gate.set()
        await gated.until(amount.drained)
        work.jobs, work.spent = amount.drained, read().since(before)


async def _occur(url: str, amount: Amount, read: Read, work: Work) -> None:
    gated = Gated(SLOTS)
    gated.gate.set()
    async with _opened(url, gated.handlers, None) as ductape:
        for at in range(amount.recurring):
            repeat = {"every": EVERY_MS}
            await ductape.processor.job.dispatch({**JOB, "input": {"at": at}, "repeat": repeat})
    work.begun = work.book(url)
    async with _opened(url, gated.handlers, WorkerOptions(concurrency=SLOTS)):
        await gated.until(amount.recurring)
        first, before = gated.count, read()
        await gated.until(first + amount.rounds * amount.recurring)
        work.jobs, work.spent = gated.count - first, read().since(before)
