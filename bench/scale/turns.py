"""What turns cost by themselves, over the store's port: empty ones, full ones, many workers at once.

No handlers, no SDK: a loop that settles what its last turn claimed and claims again. Processor time
is in microseconds, of this process and of the server's.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median

from bench.bloat import LEASE_MS, WORKER, WallClock, decide, new_job
from bench.scale.costs import Crowd, Phase, Turns
from bench.scale.meter import Meter, Spent, ledger
from bench.scale.relay import counted
from bench.server import BenchServer
from ductape.domain.change import Settlement
from ductape.domain.outcome import Success
from ductape.ports.stores import Store
from ductape.ports.stores.claims import Wish
from ductape.stores.postgres.store import open_postgres

CLOCK = WallClock()
PROMOTE = "promotion of a run due later"
A_CALL = 1_000
SIZES = (1, 10, 100)
CROWDS = (1, 2, 4, 8, 16)
CROWD_SLOTS = 10


@dataclass(frozen=True)
class Amount:
    """How much is measured."""

    empty: int
    turns: int
    """Of each size."""
    promoted: int
    crowd: int
    """Turns of all workers together."""

    @classmethod
    def full(cls) -> "Amount":
        """For figures worth quoting."""
        return cls(2_000, 300, 20_000, 1_600)

    @classmethod
    def short(cls) -> "Amount":
        """To see that it works."""
        return cls(30, 5, 1_000, 32)


@asynccontextmanager
async def _store(url: str) -> AsyncGenerator[Store]:
    store = await open_postgres(url, decide=decide, token="turns")  # noqa: S106 (a name)
    try:
        yield store
    finally:
        await store.aclose()


def _wish(slots: int, worker: str = WORKER.id) -> Wish:
    return Wish(worker=worker, queues=(), handlers=frozenset(), slots=slots, lease_ms=LEASE_MS)


async def _register(store: Store) -> None:
    await store.fleet.register(WORKER, now_ms=CLOCK.now_ms(), lease_ms=LEASE_MS)


async def _fill(store: Store, count: int, *, due_in_ms: int = 0) -> None:
    for _ in range(0, count, A_CALL):
        now_ms = CLOCK.now_ms()
        jobs = [new_job(now_ms, due_in_ms=due_in_ms) for _ in range(A_CALL)]
        await store.intake.add(jobs, now_ms=now_ms)


async def turns(server: BenchServer, meter: Meter, amount: Amount) -> Turns:
    """Measure empty turns, then those of several sizes."""
    async with _store(await server.fresh("turns")) as store:
        await _register(store)
        await _take(store, 20, 0, SIZES[-1])
        taken_ms, spent = await _measured(store, meter, amount.empty, SIZES[-1])
        of = {
            size: await _sized(store, meter, size, amount.turns * (4 if size == 1 else 1))
            for size in SIZES
        }
    async with counted(await server.fresh("trips")) as (url, trips), _store(url) as store:
        await _register(store)
        await _take(store, 5, 0, SIZES[-1])
        before = trips.total
        await _take(store, amount.empty // 10, 0, SIZES[-1])
        round_trips = (trips.total - before) / (amount.empty // 10)
    return Turns(
        empty_client_us=spent.client_s / amount.empty * 1e6,
        empty_server_us=spent.server_s / amount.empty * 1e6,
        empty_round_trips=round_trips,
        empty_wal_bytes=spent.wal_bytes / amount.empty,
        empty_ms=median(taken_ms),
        of=of,
    )


async def _sized(store: Store, meter: Meter, size: int, count: int) -> tuple[float, float]:
    await _fill(store, size * (count + 1))
    _, spent = await _measured(store, meter, count, size)
    await _empty(store)
    return spent.client_s / count * 1e6, spent.server_s / count * 1e6


async def _empty(store: Store) -> None:
    """Take what is left of a fill."""
    while await _take(store, 2, 0, SIZES[-1]) and await _left(store):
        pass


async def _left(store: Store) -> bool:
    return any(queue.queued for queue in await store.queues.all())


async def _measured(
    store: Store, meter: Meter, count: int, slots: int
) -> tuple[list[float], Spent]:
    before = meter.read()
    taken_ms = await _take(store, count, 0, slots)
    return taken_ms, meter.read().since(before)


async def _take(store: Store, count: int, pause_s: float, slots: int) -> list[float]:
    """Take turns one after the other; return how long each took, in ms."""
    ends: list[Settlement] = []
    taken_ms: list[float] = []
    for _ in range(count):
        start = time.perf_counter()
        turn = await store.claims.turn(_wish(slots), ends, now_ms=CLOCK.now_ms())
        taken_ms.append((time.perf_counter() - start) * 1_000)
        ends = [decide(claim, Success(None), CLOCK.now_ms()) for claim in turn.claims]
        await asyncio.sleep(pause_s)
    await store.claims.settle(ends, now_ms=CLOCK.now_ms())
    return taken_ms
