import asyncio
from pathlib import Path

import pytest

from ductape import Ductape, WorkerOptions
from ductape.testing import Harness
from tests.unit.worker.builders import (
    PRODUCT,
    a_job,
    registry,
    sleeper,
    statuses,
    until_status,
    view_of,
    worker_of,
)
from tests.unit.worker.conftest import Play


def test_a_stopping_worker_lets_running_runs_end(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        async with harness.neighbour(worker=WorkerOptions()) as stopping:
            receipt = await stopping.processor.job.dispatch(a_job("sleeper", input={"ms": 5_000}))
            await until_status(harness, receipt["job_id"], "running")
        view = await view_of(harness, receipt["job_id"])
        assert (view["status"], statuses(view)) == ("completed", ["completed"])

    play(scenario, registry(sleeper=sleeper), worker=False)


async def test_what_a_turn_under_way_claims_is_not_left_behind_by_a_stop(folder: Path) -> None:
    url = f"sqlite:///{folder / 'jobs.db'}"
    handlers = registry(sleeper=sleeper)
    async with Ductape.open(url, config={}, handlers=handlers, worker=False) as ductape:
        await ductape.products.apply(PRODUCT)
        receipt = await ductape.processor.job.dispatch(a_job("sleeper", input={"ms": 1}))
    stopping = await Ductape.open(url, config={}, handlers=handlers, worker=True).__aenter__()
    while not stopping._workers["default"]._lane._under_way:  # noqa: ASYNC110 (a moment that nobody tells)
        await asyncio.sleep(0)
    await stopping.aclose()
    async with Ductape.open(url, config={}, handlers=handlers, worker=False) as ductape:
        view = await ductape.jobs.get(receipt["job_id"])
    assert (view["status"], statuses(view)) == ("completed", ["completed"])


def test_a_stopping_worker_claims_nothing_more(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        async with harness.neighbour(worker=WorkerOptions(concurrency=1)) as stopping:
            await stopping.processor.job.dispatch(a_job("sleeper", input={"ms": 5_000}))
            waiting = await stopping.processor.job.dispatch(a_job("sleeper"))
            await harness.sleep(100)
        assert (await view_of(harness, waiting["job_id"]))["status"] == "queued"

    play(scenario, registry(sleeper=sleeper), worker=False)


def test_what_does_not_end_within_the_grace_goes_back_unharmed(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        async with harness.neighbour(worker=WorkerOptions(grace_ms=2_000)) as stopping:
            job = a_job("sleeper", input={"ms": 20_000})
            receipt = await stopping.processor.job.dispatch(job)
            await until_status(harness, receipt["job_id"], "running")
            began_ms = harness.clock.now_ms()
        assert harness.clock.now_ms() - began_ms == pytest.approx(2_000, abs=100)
        view = await view_of(harness, receipt["job_id"])
        assert (view["status"], statuses(view)) == ("queued", ["interrupted"])
        async with harness.neighbour(worker=WorkerOptions()):
            view = await until_status(harness, receipt["job_id"], "completed")
        assert (statuses(view), view["retry_count"]) == (["interrupted", "completed"], 0)

    play(scenario, registry(sleeper=sleeper), worker=False)


def test_interruptions_use_up_no_retry_and_are_no_losses(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        receipt = None
        for _ in range(4):
            async with harness.neighbour(worker=WorkerOptions(grace_ms=10)) as stopping:
                if receipt is None:
                    job = a_job("sleeper", input={"ms": 20_000})
                    receipt = await stopping.processor.job.dispatch(job)
                await until_status(harness, receipt["job_id"], "running")
        assert receipt is not None
        assert statuses(await view_of(harness, receipt["job_id"])) == ["interrupted"] * 4

    play(scenario, registry(sleeper=sleeper), worker=False)


def test_a_handler_that_raises_as_it_is_interrupted_goes_back_unharmed(play: Play) -> None:
    async def untidy() -> None:
        try:
            await asyncio.sleep(50)
        except asyncio.CancelledError:
            raise RuntimeError("while tidying up") from None

    async def scenario(harness: Harness) -> None:
        async with harness.neighbour(worker=WorkerOptions(grace_ms=10)) as stopping:
            receipt = await stopping.processor.job.dispatch(a_job("untidy"))
            await until_status(harness, receipt["job_id"], "running")
        view = await view_of(harness, receipt["job_id"])
        assert (view["status"], statuses(view)) == ("queued", ["interrupted"])

    play(scenario, registry(untidy=untidy), worker=False)


def test_at_most_once_means_that_an_interrupted_run_fails(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        async with harness.neighbour(worker=WorkerOptions(grace_ms=10)) as stopping:
            job = a_job("sleeper", input={"ms": 20_000}, onLost="fail", retries=3)
            receipt = await stopping.processor.job.dispatch(job)
            await until_status(harness, receipt["job_id"], "running")
        view = await view_of(harness, receipt["job_id"])
        assert (view["status"], statuses(view)) == ("failed", ["interrupted"])
        assert view["last_error"] is not None
        assert view["last_error"]["code"] == "WORKER_LOST"

    play(scenario, registry(sleeper=sleeper), worker=False)


def test_a_handler_that_ignores_the_stop_is_cut_off(play: Play) -> None:
    async def stubborn() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    async def scenario(harness: Harness) -> None:
        async with harness.neighbour(worker=WorkerOptions(grace_ms=10)) as stopping:
            receipt = await stopping.processor.job.dispatch(a_job("stubborn"))
            await until_status(harness, receipt["job_id"], "running")
        assert (await view_of(harness, receipt["job_id"]))["status"] == "queued"
        released.set()
        await harness.sleep(10)

    released = asyncio.Event()
    play(scenario, registry(stubborn=stubborn), worker=False)


def test_stopping_twice_is_harmless(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        worker = worker_of(harness)
        await asyncio.gather(worker.stop(), worker.stop())
        await worker.stop()

    play(scenario, registry(sleeper=sleeper))


def test_a_worker_that_left_is_no_longer_listed(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        fleet = harness.ductape.core.store.fleet
        async with harness.neighbour(worker=WorkerOptions(queues=("q",))):
            listed = await fleet.workers(now_ms=harness.clock.now_ms())
            assert [(one.queues, one.handlers) for one in listed] == [(("q",), ("job:sleeper",))]
        assert await fleet.workers(now_ms=harness.clock.now_ms()) == []

    play(scenario, registry(sleeper=sleeper), worker=False)
