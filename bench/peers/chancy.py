"""chancy: `push_many`, the executor on the event loop, eager polling, its default plugins."""

import asyncio
import contextlib
import datetime as dt
import logging

from chancy import Chancy, Job, Queue, Worker, job

from bench.peers.line import A_CALL, A_DAY_S, Given, run, tally

CONCURRENCY = 500
QUIET = logging.getLogger("bench.chancy")
QUIET.setLevel(logging.ERROR)


@job()
async def noop() -> None:
    """Do nothing."""
    await tally().noop()


@job()
async def probe(**given: float) -> None:
    """Tell when it was called."""
    tally().probe(given)


TASKS = {"noop": noop, "probe": probe}


class Client:
    """Its `Chancy`, as one that pushes."""

    def __init__(self, chancy: Chancy) -> None:
        """Use an open one."""
        self._chancy = chancy

    async def one(self, task: str, given: Given) -> None:
        """Push one."""
        await self._chancy.push(TASKS[task].job.with_kwargs(**given))

    async def many(self, count: int) -> None:
        """Push many by one call."""
        await self._push([noop.job] * count)

    async def later(self, given: Given, due_s: float) -> None:
        """Push with `scheduled_at`."""
        due = dt.datetime.fromtimestamp(due_s, dt.UTC)
        await self._chancy.push(probe.job.with_kwargs(**given).with_scheduled_at(due))

    async def future(self, count: int) -> None:
        """Push for tomorrow."""
        tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=A_DAY_S)
        await self._push([noop.job.with_scheduled_at(tomorrow)] * count)

    async def aclose(self) -> None:
        """Close the pool."""
        await self._chancy.__aexit__(None, None, None)

    async def _push(self, jobs: list[Job]) -> None:
        async for _ in self._chancy.push_many(jobs, batch_size=A_CALL):
            pass


async def opening(url: str) -> Client:
    """Connect, make its tables, declare the queue."""
    chancy = await Chancy(url, log=QUIET).__aenter__()
    await chancy.migrate()
    queue = Queue(
        "default",
        concurrency=CONCURRENCY,
        executor=Chancy.Executor.Async,
        polling_interval=1,
        eager_polling=True,
    )
    await chancy.declare(queue, upsert=True)
    return Client(chancy)


async def _work(url: str) -> None:
    tally()
    async with Chancy(url, log=QUIET) as chancy, Worker(chancy) as worker:
        with contextlib.suppress(asyncio.CancelledError):
            await worker.wait_for_shutdown()


def working(url: str) -> None:
    """Run one worker until it is told to stop."""
    asyncio.run(_work(url))


if __name__ == "__main__":
    # Jobs are stored by the path of their function: this module's, not `__main__`'s.
    from bench.peers import chancy as importable  # noqa: PLW0406 (the module as jobs name it)

    run(importable.opening, importable.working)
