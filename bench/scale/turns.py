"""What turns cost by themselves, over the store's port: empty ones, full ones, of many at once.

No handlers, no SDK: a loop that settles what its last turn claimed and claims again. Processor time
is in microseconds, of this process and of the server's.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from statistics import median

from bench.bloat import LEASE_MS, WORKER, WallClock, decide, new_job
from bench.scale.costs import Crowd, Phase, Turns
from bench.scale.meter import Meter, Spent, ledger, phase_of
from bench.scale.relay import counted
from bench.server import BenchServer
from ductape.domain.change import Settlement
from ductape.domain.outcome import Success
from ductape.ports.stores import Store
from ductape.ports.stores.claims import Wish
from ductape.stores.postgres.store import open_postgres

CLOCK = WallClock()
MADE = count()
PROMOTE = "promotion of a run due later"
A_CALL = 1_000
SIZES = (1, 10, 100)
CROWD_SLOTS = 100


@dataclass(frozen=True)
class Amount:
    """How much is measured."""

    empty: int
    turns: int
    """Of each size."""
    promoted: int
    crowd: int
    """Turns of all workers together."""
    crowds: tuple[int, ...]
    """How many workers those are."""

    @classmethod
    def full(cls) -> "Amount":
        """For figures worth quoting."""
        return cls(2_000, 300, 20_000, 480, (1, 2, 4, 8, 16))

    @classmethod
    def short(cls) -> "Amount":
        """To see that it works."""
        return cls(30, 5, 1_000, 10, (1, 2))


@asynccontextmanager
async def _store(url: str) -> AsyncGenerator[Store]:
    store = await open_postgres(url, decide=decide, token="turns")  # noqa: S106 (a name)
    try:
        yield store
    finally:
        await store.aclose()


def _wish(slots: int) -> Wish:
    return Wish(worker=WORKER.id, queues=(), handlers=frozenset(), slots=slots, lease_ms=LEASE_MS)


async def _register(store: Store) -> None:
    await store.fleet.register(WORKER, now_ms=CLOCK.now_ms(), lease_ms=LEASE_MS)


async def _fill(store: Store, count: int, *, due_in_ms: int = 0) -> None:
    for _ in range(0, count, A_CALL):
        now_ms = CLOCK.now_ms()
        jobs = [new_job(now_ms, number=next(MADE), due_in_ms=due_in_ms) for _ in range(A_CALL)]
        await store.intake.add(jobs, now_ms=now_ms)


async def turns(server: BenchServer, meter: Meter, amount: Amount) -> Turns:
    """Measure empty turns, then those of several sizes."""
    async with _store(await server.fresh("turns")) as store:
        await _register(store)
        await _take(store, 20, SIZES[-1])
        taken_ms, spent = await _measured(store, meter, amount.empty, SIZES[-1])
        of = {size: await _sized(store, meter, size, amount.turns) for size in SIZES}
    return Turns(
        empty_client_us=spent.client_s / amount.empty * 1e6,
        empty_server_us=spent.server_s / amount.empty * 1e6,
        empty_round_trips=await _trips(server, max(10, amount.empty // 10)),
        empty_wal_bytes=spent.wal_bytes / amount.empty,
        empty_ms=median(taken_ms),
        of=of,
    )


async def promotion(server: BenchServer, meter: Meter, amount: Amount) -> Phase:
    """Let turns promote runs that have fallen due, and claim none of them."""
    url = await server.fresh("promote")
    async with _store(url) as store:
        await _register(store)
        await _fill(store, amount.promoted, due_in_ms=1)
        _, spent = await _measured(store, meter, amount.promoted // A_CALL, 0)
    kept, jobs = ledger(url), amount.promoted
    _, changed, _ = kept.rows["runs"]
    rows = {"runs": (0.0, changed / jobs, 0.0)}
    return phase_of(spent, PROMOTE, jobs, commits=1 / A_CALL, rows=rows)


async def crowds(server: BenchServer, meter: Meter, amount: Amount) -> list[Crowd]:
    """Let ever more workers claim from the head of one queue at once."""
    return [await _crowd(server, meter, workers, amount.crowd) for workers in amount.crowds]


async def _crowd(server: BenchServer, meter: Meter, workers: int, all_turns: int) -> Crowd:
    url = await server.fresh("crowd")
    each = all_turns // workers
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(_store(url)) for _ in range(workers)]
        await _register(stores[0])
        await _fill(stores[0], all_turns * CROWD_SLOTS)
        await asyncio.gather(*(_take(store, 1, 0) for store in stores))
        before = meter.read()
        taken = await asyncio.gather(*(_take(store, each, CROWD_SLOTS) for store in stores))
        spent = meter.read().since(before)
    runs = ledger(url).rows["history"][0]
    return Crowd(
        workers=workers,
        turn_ms=median(ms for of_one in taken for ms in of_one),
        server_us=spent.server_s / (each * workers) * 1e6,
        runs=runs / (each * workers),
    )


async def _waiting(store: Store) -> bool:
    return any(queue.queued for queue in await store.queues.all(now_ms=CLOCK.now_ms()))


async def _sized(store: Store, meter: Meter, size: int, turns: int) -> tuple[float, float]:
    """Measure turns that settle and claim so many runs each."""
    await _fill(store, size * turns)
    _, spent = await _measured(store, meter, turns, size)
    while await _waiting(store):  # what the fill had too much
        await _take(store, 10, SIZES[-1])
    return spent.client_s / turns * 1e6, spent.server_s / turns * 1e6


async def _trips(server: BenchServer, turns: int) -> float:
    async with counted(await server.fresh("trips")) as (url, trips), _store(url) as store:
        await _register(store)
        await _take(store, 5, SIZES[-1])
        before = trips.total
        await _take(store, turns, SIZES[-1])
        return (trips.total - before) / turns


async def _measured(
    store: Store, meter: Meter, turns: int, slots: int
) -> tuple[list[float], Spent]:
    before = meter.read()
    taken_ms = await _take(store, turns, slots)
    return taken_ms, meter.read().since(before)


async def _take(store: Store, turns: int, slots: int) -> list[float]:
    """Take turns one after the other, and settle in each what the last one claimed; return ms."""
    ends: list[Settlement] = []
    taken_ms: list[float] = []
    for _ in range(turns):
        start = time.perf_counter()
        turn = await store.claims.turn(_wish(slots), ends, now_ms=CLOCK.now_ms())
        taken_ms.append((time.perf_counter() - start) * 1_000)
        ends = [decide(claim, Success(None), CLOCK.now_ms()) for claim in turn.claims]
    if ends:
        await store.claims.settle(ends, now_ms=CLOCK.now_ms())
    return taken_ms
