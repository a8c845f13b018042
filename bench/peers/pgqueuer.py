"""pgqueuer: asyncpg, batches as its benchmark tool has them."""

import asyncio
import datetime as dt
import json

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from bench.peers.line import Given, run, tally

BATCH = 100
TOMORROW = dt.timedelta(days=1)


class Client:
    """Its `Queries`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use a pool."""
        self._pool = pool
        self._queries = Queries(AsyncpgPoolDriver(pool))

    async def one(self, task: str, given: Given) -> None:
        """Enqueue one."""
        await self._queries.enqueue(task, json.dumps(given).encode())

    async def many(self, count: int) -> None:
        """Enqueue many by one call."""
        await self._queries.enqueue(["noop"] * count, [b"{}"] * count, [0] * count)

    async def later(self, given: Given, due_s: float) -> None:
        """Enqueue with `execute_after`."""
        after = dt.timedelta(seconds=due_s - dt.datetime.now(dt.UTC).timestamp())
        await self._queries.enqueue("probe", json.dumps(given).encode(), execute_after=after)

    async def future(self, count: int) -> None:
        """Enqueue for tomorrow."""
        due = [TOMORROW] * count
        await self._queries.enqueue(["noop"] * count, [b"{}"] * count, [0] * count, due)

    async def aclose(self) -> None:
        """Close the pool."""
        await self._pool.close()


async def opening(url: str) -> Client:
    """Make its tables and connect."""
    pool = await asyncpg.create_pool(url, min_size=1, max_size=10)
    if await pool.fetchval("SELECT to_regclass('pgqueuer') IS NULL"):
        await Queries(AsyncpgPoolDriver(pool)).install()
    return Client(pool)


async def _work(url: str) -> None:
    tally()
    queuer = PgQueuer(AsyncpgDriver(await asyncpg.connect(url)))

    @queuer.entrypoint("noop")
    async def noop(_: Job) -> None:
        await tally().noop()

    @queuer.entrypoint("probe")
    async def probe(job: Job) -> None:
        tally().probe(json.loads(job.payload or b"{}"))

    await queuer.run(batch_size=BATCH)


def working(url: str) -> None:
    """Run one worker until it is told to stop."""
    uvloop.run(_work(url))


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    run(opening, working)
