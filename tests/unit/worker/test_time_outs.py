import asyncio

import pytest

from ductape import JobFailed, WorkerOptions
from ductape.testing import Harness
from tests.unit.worker.builders import (
    a_job,
    registry,
    sleeper,
    statuses,
    until_status,
    view_of,
    worker_of,
)
from tests.unit.worker.conftest import Play


def test_an_attempt_ends_at_its_time_out(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        began_ms = harness.clock.now_ms()
        with pytest.raises(JobFailed) as failed:
            await harness.ductape.processor.job.schedule(
                a_job("sleeper", timeout=2_000, input={"ms": 60_000})
            )
        assert failed.value.error["code"] == "TIMEOUT"
        assert harness.clock.now_ms() - began_ms == pytest.approx(2_000, abs=50)

    play(scenario, registry(sleeper=sleeper))


def test_each_attempt_has_the_whole_time_out(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = a_job("sleeper", timeout=1_000, retries=1, input={"ms": 60_000})
        receipt = await harness.ductape.processor.job.dispatch(job)
        view = await until_status(harness, receipt["job_id"], "failed")
        spans = [a["completed_at"] - a["started_at"] for a in view["attempts"] if a["completed_at"]]
        assert spans == [pytest.approx(1_000, abs=50)] * 2

    play(scenario, registry(sleeper=sleeper))


def test_a_result_within_the_time_out_counts(play: Play) -> None:
    async def scenario(harness: Harness) -> object:
        return await harness.ductape.processor.job.schedule(
            a_job("sleeper", timeout=1_000, input={"ms": 990})
        )

    assert play(scenario, registry(sleeper=sleeper)) == "slept"


def test_a_time_out_that_a_handler_catches_is_still_one(play: Play) -> None:
    async def polite() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.2)
        return "done all the same"

    async def scenario(harness: Harness) -> None:
        with pytest.raises(JobFailed) as failed:
            await harness.ductape.processor.job.schedule(a_job("polite", timeout=1_000))
        assert failed.value.error["code"] == "TIMEOUT"

    play(scenario, registry(polite=polite))


def _stubborn_for(seconds: float) -> object:
    async def stubborn() -> str:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + seconds
        while loop.time() < until_s:
            try:
                await asyncio.sleep(until_s - loop.time())
            except asyncio.CancelledError:
                continue
        return "late"

    return stubborn


def test_a_stubborn_handler_is_cut_off_after_the_grace(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        receipt = await harness.ductape.processor.job.dispatch(a_job("stubborn", timeout=1_000))
        began_ms = harness.clock.now_ms()
        view = await until_status(harness, receipt["job_id"], "failed")
        assert harness.clock.now_ms() - began_ms == pytest.approx(1_500, abs=100)
        assert view["last_error"] is not None
        assert view["last_error"]["code"] == "TIMEOUT"
        await harness.sleep(10_000)
        view = await view_of(harness, receipt["job_id"])
        assert (view["status"], view["result"], statuses(view)) == ("failed", None, ["failed"])

    play(scenario, registry(stubborn=_stubborn_for(5)), worker=WorkerOptions(grace_ms=500))


def test_a_handler_that_was_cut_off_keeps_its_slot_until_it_returns(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        stuck = await job.dispatch(a_job("stubborn", timeout=1_000))
        await until_status(harness, stuck["job_id"], "failed")
        following = await job.dispatch(a_job("sleeper"))
        await harness.sleep(2_000)
        assert (await view_of(harness, following["job_id"]))["status"] == "queued"
        await until_status(harness, following["job_id"], "completed")
        assert harness.clock.now_ms() - stuck["scheduled_at"] >= 5_000

    handlers = registry(stubborn=_stubborn_for(5), sleeper=sleeper)
    play(scenario, handlers, worker=WorkerOptions(grace_ms=500, concurrency=1))


def test_the_retry_of_a_stubborn_run_takes_a_slot_of_its_own(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = a_job("stubborn", timeout=1_000, retries=1, retryConfig={"initialDelay": 10})
        await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(3_000)
        assert worker_of(harness)._wish().slots == 0
        await harness.sleep(20_000)
        assert worker_of(harness)._wish().slots == 2

    options = WorkerOptions(grace_ms=100, concurrency=2)
    play(scenario, registry(stubborn=_stubborn_for(6)), worker=options)
