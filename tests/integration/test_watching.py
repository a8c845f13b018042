"""Following a job, listing workers, looking after a store: real store, real worker."""

import asyncio
from pathlib import Path

import pytest

from ductape import AsyncContext, Ductape, Handlers, NotFound
from ductape.app.maintenance import rotated, settings_for, vault_status
from ductape.errors import Conflict

PRODUCT = {"tag": "shop", "envs": [{"slug": "dev"}]}
REQUEST = {"product_tag": "shop", "env": "dev", "event": "pack", "input": {}, "start_at": 0}


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a.db"


async def test_each_state_of_a_job_is_seen_and_the_last_ends_it(store: str) -> None:
    handlers, go_on = Handlers(), asyncio.Event()

    @handlers.job("pack")
    async def pack(given: object) -> str:
        await go_on.wait()
        return f"packed {given}"

    async with Ductape.open(store, handlers=handlers) as ductape:
        await ductape.products.apply(PRODUCT)
        receipt = await ductape.processor.job.dispatch(REQUEST)
        seen: list[str] = []
        async for job in ductape.jobs.watch(receipt["job_id"]):
            seen.append(job["status"])
            if job["status"] == "running":
                go_on.set()
    assert seen[-2:] == ["running", "completed"]


async def test_what_a_handler_tells_of_its_progress_is_seen_soon(store: str) -> None:
    handlers, shown = Handlers(), asyncio.Event()

    @handlers.job("pack")
    async def pack(_: object, ctx: AsyncContext) -> None:
        async with asyncio.timeout(0.8):  # a look each second would be too late
            await ctx.progress(1, 2, "half")
            await shown.wait()

    async with Ductape.open(store, handlers=handlers) as ductape:
        await ductape.products.apply(PRODUCT)
        receipt = await ductape.processor.job.dispatch({**REQUEST, "retries": 0})
        async for job in ductape.jobs.watch(receipt["job_id"]):
            if job["progress"] is not None:
                shown.set()
        assert job["status"] == "completed"


async def test_a_recurring_job_is_followed_to_its_end(store: str) -> None:
    handlers = Handlers()

    @handlers.job("pack")
    def pack() -> None:
        return None

    async with Ductape.open(store, handlers=handlers) as ductape:
        await ductape.products.apply(PRODUCT)
        repeat = {"every": 100, "limit": 2}
        receipt = await ductape.processor.job.dispatch({**REQUEST, "repeat": repeat})
        jobs = [job async for job in ductape.jobs.watch(receipt["job_id"])]
    assert jobs[-1]["status"] == "completed"
    assert jobs[-1]["execution_count"] == 2


async def test_an_unknown_job_cannot_be_followed(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        with pytest.raises(NotFound):
            await anext(ductape.jobs.watch("nope"))


async def test_a_live_worker_is_listed_under_its_name(store: str) -> None:
    handlers = Handlers()

    @handlers.job("pack")
    def pack() -> None:
        return None

    async with Ductape.open(store, handlers=handlers) as ductape:
        [worker] = await ductape.workers.list()
        assert worker["id"] == ductape.worker_id
        assert worker["handlers"] == ["job:pack"]
        assert worker["lease_until"] > worker["started_at"]
    async with Ductape.open(store, worker=False) as ductape:
        assert ductape.worker_id is None
        assert await ductape.workers.list() == []


async def test_keys_are_not_rotated_under_a_live_worker_unless_forced(store: str) -> None:
    settings = settings_for(store, None)
    async with Ductape.open(store):
        with pytest.raises(Conflict, match="1 live worker"):
            await rotated(settings, force=False)
        assert len((await vault_status(settings))["keys"]) == 1
        assert len((await rotated(settings, force=True))["keys"]) == 2
