"""However it comes about that a Ductape is closed, nothing that it holds is lost or left behind."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest

from ductape import Ductape, DuctapeError, Handlers, JobView, StoreError

PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": "hold", "handler": "python"}],
    "functions": [{"tag": "double", "handler": "python"}],
}
NAMES = {"product_tag": "shop", "env": "dev"}
JOB = {**NAMES, "event": "hold", "input": {}, "start_at": 0}
PATIENCE_S = 10.0


class Held:
    """A job that is under way until it is let go."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.let_go = asyncio.Event()
        self.handlers = Handlers()

        @self.handlers.function("double")
        def double(given: int) -> int:
            return given * 2

        @self.handlers.job("hold")
        async def hold() -> str:
            self.begun.set()
            while not self.let_go.is_set():
                try:
                    await self.let_go.wait()
                except asyncio.CancelledError:
                    if not self.stubborn:
                        raise
            if self.closes is not None:
                await self.closes.aclose(grace_ms=100)
            if self.asks is not None:
                call = {**NAMES, "event": "double", "input": {"payload": 21}}
                return str(await self.asks.processor.function.invoke(call))
            return "held"

        self.asks: Ductape | None = None
        self.closes: Ductape | None = None
        self.stubborn = False


@asynccontextmanager
async def a_running_job(store: str, held: Held) -> AsyncGenerator[tuple[Ductape, str]]:
    ductape = await Ductape.open(store, handlers=held.handlers, worker=True).__aenter__()
    await ductape.products.apply(PRODUCT)
    receipt = await ductape.processor.job.dispatch(JOB)
    async with asyncio.timeout(PATIENCE_S):
        await held.begun.wait()
        yield ductape, receipt["job_id"]
    assert [one for one in threading.enumerate() if one.name == "ductape-heartbeat"] == []


async def seen(store: str, job_id: str) -> JobView:
    async with Ductape.open(store, worker=False) as ductape:
        return await ductape.jobs.get(job_id)


async def test_who_closes_it_too_waits_for_the_end(store: str) -> None:
    held = Held()
    async with a_running_job(store, held) as (ductape, job_id):
        first = asyncio.create_task(ductape.aclose())
        second = asyncio.create_task(ductape.aclose())
        await asyncio.sleep(0)
        held.let_go.set()
        await second
        assert first.done()
        await first
    job = await seen(store, job_id)
    assert (job["status"], job["result"]) == ("completed", "held")


async def test_who_can_wait_no_longer_cuts_the_grace_short(store: str) -> None:
    held = Held()
    async with a_running_job(store, held) as (ductape, job_id):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await ductape.aclose()
        with pytest.raises(DuctapeError, match="not open"):
            await ductape.doctor()
    job = await seen(store, job_id)
    assert job["status"] == "queued"
    assert [attempt["status"] for attempt in job["attempts"]] == ["interrupted"]


async def test_a_run_in_its_grace_time_may_run_others_at_once(store: str) -> None:
    held = Held()
    async with a_running_job(store, held) as (ductape, job_id):
        held.asks = ductape
        closing = asyncio.create_task(ductape.aclose())
        await asyncio.sleep(0)
        held.let_go.set()
        await closing
    assert (await seen(store, job_id))["result"] == "42"


async def test_who_waits_for_a_job_hears_of_the_end(store: str) -> None:
    held = Held()
    async with a_running_job(store, held) as (ductape, job_id):
        waiting = asyncio.create_task(ductape.processor.job.wait(job_id))
        watching = asyncio.create_task(last_of(ductape, job_id))
        await asyncio.sleep(0.1)
        await ductape.aclose(grace_ms=0)
        for waiter in (waiting, watching):
            with pytest.raises(StoreError, match="closed"):
                await waiter


async def last_of(ductape: Ductape, job_id: str) -> None:
    async for _ in ductape.jobs.watch(job_id):
        pass


async def test_nothing_is_hired_for_what_comes_too_late(store: str) -> None:
    held = Held()
    async with a_running_job(store, held) as (ductape, _):
        closing = asyncio.create_task(ductape.aclose(grace_ms=200))
        with suppress(DuctapeError):
            while True:
                call = {**NAMES, "event": "double", "input": {"payload": 21}}
                await ductape.processor.function.invoke(call)
        await closing


async def test_however_often_it_is_cancelled_it_ends(store: str) -> None:
    held = Held()
    async with a_running_job(store, held) as (ductape, job_id):
        held.stubborn = True
        closing = asyncio.create_task(ductape.aclose())
        for _ in range(3):
            await asyncio.sleep(0.05)
            closing.cancel()
        await asyncio.wait([closing])
        assert closing.cancelled()
        held.let_go.set()
    assert (await seen(store, job_id))["status"] == "queued"


async def test_a_job_may_close_what_it_runs_in(store: str) -> None:
    held = Held()
    async with a_running_job(store, held) as (ductape, job_id):
        held.closes = ductape
        held.let_go.set()
        with pytest.raises(StoreError, match="closed"):
            await ductape.processor.job.wait(job_id)
        await ductape.aclose()
    assert (await seen(store, job_id))["status"] == "queued"
