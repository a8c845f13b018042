"""Features whose steps need Python handlers that only another worker has (SPEC 8)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from ductape import Ductape, Handlers, JobCancelled

Part = dict[str, object]


def a_product(*events: Part, **more: object) -> Part:
    functions = [{"tag": tag, "handler": "python"} for tag in ("cut", "paint", "clean")]
    feature = {"tag": "make", "sequence": [{"tag": "main", "events": list(events)}]}
    return {
        "tag": "shop",
        "envs": [{"slug": "dev"}],
        "functions": functions,
        "features": [feature],
        **more,
    }


def step(event: str, **parts: object) -> Part:
    return {"event": event, "type": "function", "input": {"payload": 1}, **parts}


def a_job(event: str = "make") -> Part:
    return {"product_tag": "shop", "env": "dev", "event": event, "start_at": 0, "input": {}}


def having(*tags: str, told: list[str]) -> Handlers:
    handlers = Handlers()
    for tag in tags:
        handlers.function(tag)(_teller(tag, told))
    return handlers


def _teller(tag: str, told: list[str]) -> Callable[[object], str]:
    def tell(_: object) -> str:
        told.append(tag)
        return tag

    return tell


async def test_workers_with_one_handler_each_do_a_feature_together(store: str) -> None:
    told: list[str] = []
    async with (
        Ductape.open(store, config={}, handlers=having("cut", told=told), worker=True) as saw,
        Ductape.open(store, config={}, handlers=having("paint", told=told), worker=True),
    ):
        await saw.products.apply(a_product(step("cut"), step("paint"), step("cut", tag="again")))
        done = await saw.processor.job.schedule(a_job(), timeout=30)
    assert done == {"main": {"cut": "cut", "paint": "paint", "again": "cut"}}
    assert told == ["cut", "paint", "cut"]


async def test_a_step_waits_for_a_worker_that_has_its_handler(
    store: str, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    async def warned() -> bool:
        return "has the handler `function:paint`" in caplog.text

    async with Ductape.open(
        store, config={}, handlers=having("cut", told=told), worker=True
    ) as saw:
        await saw.products.apply(a_product(step("cut"), step("paint")))
        job_id = (await saw.processor.job.dispatch(a_job()))["job_id"]
        await _until_held(saw, job_id, told)
        with caplog.at_level(logging.WARNING, "ductape"):
            waiting = asyncio.create_task(saw.processor.job.wait(job_id, timeout=30))
            await _until(warned)
        async with Ductape.open(store, config={}, handlers=having("paint", told=told), worker=True):
            assert await waiting == {"main": {"cut": "cut", "paint": "paint"}}
        assert len((await saw.jobs.get(job_id))["attempts"]) == 1
    assert told == ["cut", "paint"]


async def test_what_waits_for_a_handler_is_undone_by_any_worker(store: str) -> None:
    told: list[str] = []
    undone = step("cut", rollback={"event": "clean", "type": "function", "input": {"payload": 1}})
    mine = having("cut", "clean", told=told)
    async with Ductape.open(store, config={}, handlers=mine, worker=True) as saw:
        await saw.products.apply(a_product(undone, step("paint")))
        job_id = (await saw.processor.job.dispatch(a_job()))["job_id"]
        await _until_held(saw, job_id, told)
        await saw.jobs.cancel(job_id)
        with pytest.raises(JobCancelled):
            await saw.processor.job.wait(job_id, timeout=30)
    assert told == ["cut", "clean"]


async def test_a_job_that_points_at_a_function_waits_for_it_too(store: str) -> None:
    told: list[str] = []
    pointing = {"tag": "later", "event_type": "function", "event_tag": "paint"}
    async with Ductape.open(
        store, config={}, handlers=having("cut", told=told), worker=True
    ) as saw:
        await saw.products.apply(a_product(step("cut"), jobs=[pointing]))
        request = {**a_job("later"), "input": {"payload": 1}}
        job_id = (await saw.processor.job.dispatch(request))["job_id"]
        async with Ductape.open(store, config={}, handlers=having("paint", told=told), worker=True):
            assert await saw.processor.job.wait(job_id, timeout=30) == "paint"
    assert told == ["paint"]


async def _until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await true():  # noqa: ASYNC110 (what is asked for has no event of its own)
            await asyncio.sleep(0.02)


async def _until_held(ductape: Ductape, job_id: str, told: list[str]) -> None:
    """Wait until nobody works at a job that has begun."""

    async def held() -> bool:
        return bool(told) and (await ductape.jobs.get(job_id))["status"] != "running"

    await _until(held)
