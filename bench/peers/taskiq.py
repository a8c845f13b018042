"""taskiq on PostgreSQL, by taskiq-postgres: each message is told by NOTIFY, then claimed by id."""

import asyncio
import logging

import uvloop
from taskiq.api import run_receiver_task
from taskiq_pg.asyncpg import AsyncpgBroker

from bench.peers.line import Given, run, tally

CONCURRENCY = 100


def _broker(url: str) -> AsyncpgBroker:
    broker = AsyncpgBroker(dsn=url)

    @broker.task(task_name="noop")
    async def noop() -> None:
        await tally().noop()

    @broker.task(task_name="probe")
    async def probe(given: Given) -> None:
        tally().probe(given)

    return broker


class Client:
    """Its broker, as one that kicks."""

    def __init__(self, broker: AsyncpgBroker) -> None:
        """Use a started one."""
        self._broker = broker
        self._noop = broker.find_task("noop")
        self._probe = broker.find_task("probe")

    async def one(self, task: str, given: Given) -> None:
        """Kick one."""
        await (self._noop.kiq() if task == "noop" else self._probe.kiq(given))

    async def many(self, count: int) -> None:
        """Kick many at once: there is no bulk call."""
        await asyncio.gather(*(self._noop.kiq() for _ in range(count)))

    async def later(self, given: Given, due_s: float) -> None:
        """Be refused: the driver does not ask."""
        raise NotImplementedError

    async def future(self, count: int) -> None:
        """Be refused: the driver does not ask."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close the pool."""
        await self._broker.shutdown()


async def opening(url: str) -> Client:
    """Connect and make its table."""
    broker = _broker(url)
    await broker.startup()
    return Client(broker)


async def _work(url: str) -> None:
    broker = _broker(url)
    broker.is_worker_process = True
    await broker.startup()
    tally()
    await run_receiver_task(broker, max_async_tasks=CONCURRENCY)


def working(url: str) -> None:
    """Run one worker until it is told to stop."""
    logging.basicConfig(level=logging.ERROR)
    uvloop.run(_work(url))


if __name__ == "__main__":
    run(opening, working)
