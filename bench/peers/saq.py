"""SAQ on PostgreSQL: it has no bulk call, so that a bulk is many calls at once."""

import asyncio
import logging
import time

from saq import Worker
from saq.queue.postgres import PostgresQueue

from bench.peers.line import A_DAY_S, Given, run, tally

CONCURRENCY = 100
CONNECTIONS = 20


async def noop(_: object) -> None:
    """Do nothing."""
    await tally().noop()


async def probe(_: object, **given: float) -> None:
    """Tell when it was called."""
    tally().probe(given)


class Client:
    """Its `Queue`."""

    def __init__(self, queue: PostgresQueue) -> None:
        """Use a connected one."""
        self._queue = queue

    async def one(self, task: str, given: Given) -> None:
        """Enqueue one."""
        await self._queue.enqueue(task, **given)

    async def many(self, count: int) -> None:
        """Enqueue many at once."""
        await asyncio.gather(*(self._queue.enqueue("noop") for _ in range(count)))

    async def later(self, given: Given, due_s: float) -> None:
        """Enqueue with `scheduled`, whole seconds."""
        await self._queue.enqueue("probe", scheduled=int(due_s), **given)

    async def future(self, count: int) -> None:
        """Enqueue for tomorrow."""
        due_s = int(time.time()) + A_DAY_S
        await asyncio.gather(*(self._queue.enqueue("noop", scheduled=due_s) for _ in range(count)))

    async def aclose(self) -> None:
        """Close the pool."""
        await self._queue.disconnect()


async def _queue(url: str) -> PostgresQueue:
    queue = PostgresQueue.from_url(url, max_size=CONNECTIONS)
    await queue.connect()
    return queue


async def opening(url: str) -> Client:
    """Connect and make its tables."""
    return Client(await _queue(url))


async def _work(url: str) -> None:
    tally()
    queue = await _queue(url)
    await Worker(queue, functions=[noop, probe], concurrency=CONCURRENCY).start()


def working(url: str) -> None:
    """Run one worker until it is told to stop."""
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(_work(url))


if __name__ == "__main__":
    run(opening, working)
