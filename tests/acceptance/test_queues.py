"""Queues are held back for every worker, from whichever process; keys limit them all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from ductape import Ductape, Handlers, ValidationError

PRODUCT = {"tag": "shop", "envs": [{"slug": "dev"}]}
JOB = {"product_tag": "shop", "env": "dev", "event": "work", "input": {}, "start_at": 0}
PATIENCE_S = 20


class Crowd:
    """Counts how many runs are inside at once, and keeps the first until enough have met."""

    def __init__(self) -> None:
        self.inside = self.most = self.all = 0
        self.meet = 1
        self._have_met = asyncio.Event()
        self.handlers = Handlers()

        @self.handlers.job("work")
        async def work(_: dict[str, object]) -> int:
            self.inside += 1
            self.all += 1
            self.most = max(self.most, self.inside)
            if self.inside >= self.meet:
                self._have_met.set()
            await asyncio.wait_for(self._have_met.wait(), PATIENCE_S)
            await asyncio.sleep(0.002)  # the work itself: others may come in meanwhile
            self.inside -= 1
            return self.all


@pytest.fixture
def crowd() -> Crowd:
    return Crowd()


@pytest.fixture
async def two(store: str, crowd: Crowd) -> AsyncIterator[tuple[Ductape, Ductape]]:
    """Open a store twice, as two processes do: each has a worker."""
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(
                Ductape.open(store, handlers=crowd.handlers, worker=True)
            )
            for _ in range(2)
        ]
        await opened[0].products.apply(PRODUCT)
        yield opened[0], opened[1]


async def all_done(ductape: Ductape, jobs: list[dict[str, object]]) -> None:
    receipts = await ductape.processor.job.dispatch_many(jobs)
    for receipt in receipts:
        await ductape.processor.job.wait(receipt["job_id"], timeout=PATIENCE_S)


async def test_a_queue_paused_here_is_paused_there(two: tuple[Ductape, Ductape]) -> None:
    here, there = two
    await here.queues.pause("mail")
    [letter] = await there.processor.job.dispatch_many([{**JOB, "queue": "mail"}])
    await all_done(there, [JOB] * 20)
    assert (await here.jobs.get(letter["job_id"]))["status"] == "queued"
    [mail] = [one for one in await there.queues.list() if one["name"] == "mail"]
    assert (mail["paused"], mail["queued"]) == (True, 1)
    await there.queues.resume("mail")
    await here.processor.job.wait(letter["job_id"], timeout=PATIENCE_S)


async def test_a_queues_limit_holds_over_two_workers(
    two: tuple[Ductape, Ductape], crowd: Crowd
) -> None:
    crowd.meet = 3
    await two[0].queues.set_concurrency("default", 3)
    await all_done(two[1], [JOB] * 60)
    assert (crowd.most, crowd.all) == (3, 60)


async def test_a_keys_limit_holds_over_two_workers(
    two: tuple[Ductape, Ductape], crowd: Crowd
) -> None:
    crowd.meet = 2
    await all_done(two[0], [{**JOB, "concurrency_key": "one", "concurrency_limit": 2}] * 60)
    assert (crowd.most, crowd.all) == (2, 60)


async def test_a_rate_holds_over_two_workers(two: tuple[Ductape, Ductape], crowd: Crowd) -> None:
    queue = await two[0].queues.set_rate("default", 10, per=300)
    assert queue["rate"] == {"limit": 10, "per": 300}
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await all_done(two[1], [JOB] * 25)
    assert loop.time() - began_s >= 0.6
    assert crowd.all == 25


@pytest.mark.parametrize("limit", [0, -1, True, 1.5])
async def test_a_limit_that_is_none_is_refused(two: tuple[Ductape, Ductape], limit: int) -> None:
    with pytest.raises(ValidationError) as refusal:
        await two[0].queues.set_concurrency("default", limit)
    assert refusal.value.path == "limit"
