import asyncio

import pytest

from ductape import JobCancelled, JobFailed, NotFound, ResultTimeout, ValidationError
from ductape.handlers.python import AsyncContext
from ductape.testing import Harness
from tests.unit.worker.builders import a_job, registry, sleeper, until_status, view_of
from tests.unit.worker.conftest import Play


async def numbered(ctx: AsyncContext) -> int:
    await asyncio.sleep(0.1)
    return ctx.run


def test_schedule_resolves_with_the_result(play: Play) -> None:
    async def scenario(harness: Harness) -> object:
        return await harness.ductape.processor.job.schedule(a_job("sleeper"))

    assert play(scenario, registry(sleeper=sleeper)) == "slept"


def test_a_recurring_job_resolves_with_its_first_run(play: Play) -> None:
    async def scenario(harness: Harness) -> object:
        job = a_job("numbered", repeat={"every": 60_000})
        return await harness.ductape.processor.job.schedule(job)

    assert play(scenario, registry(numbered=numbered)) == 1


def test_an_existing_recurrence_resolves_with_its_next_run(play: Play) -> None:
    async def scenario(harness: Harness) -> list[object]:
        job = a_job("numbered", repeat={"every": 60_000})
        schedule = harness.ductape.processor.job.schedule
        first = await schedule(job)
        await harness.sleep(5_000)
        return [first, await schedule(job)]

    assert play(scenario, registry(numbered=numbered)) == [1, 2]


def test_who_waits_for_a_run_that_gives_way_gets_the_one_in_its_place(play: Play) -> None:
    async def scenario(harness: Harness) -> object:
        later = harness.clock.now_ms() + 60_000
        job = a_job("numbered", start_at=later, repeat={"every": 60_000})
        waiting = asyncio.create_task(harness.ductape.processor.job.schedule(job, timeout=600))
        await harness.sleep(100)
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.ductape.jobs.run_now(receipt["job_id"])
        return await waiting

    assert play(scenario, registry(numbered=numbered)) == 2


def test_waiting_for_a_paused_recurrence_waits_for_its_next_run(play: Play) -> None:
    async def scenario(harness: Harness) -> object:
        job = harness.ductape.processor.job
        receipt = await job.dispatch(a_job("numbered", repeat={"every": 10_000}))
        await harness.sleep(1_000)
        await harness.ductape.jobs.pause(receipt["job_id"])
        with pytest.raises(ResultTimeout):
            await job.wait(receipt["job_id"], timeout=60)
        waiting = asyncio.create_task(job.wait(receipt["job_id"], timeout=600))
        await harness.sleep(100)
        await harness.ductape.jobs.resume(receipt["job_id"])
        result = await waiting
        assert isinstance(result, int)
        return result > 1

    assert play(scenario, registry(numbered=numbered)) is True


def test_waiting_for_a_cancelled_job_says_so(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        later = harness.clock.now_ms() + 60_000
        receipt = await harness.ductape.processor.job.dispatch(a_job("sleeper", start_at=later))
        waiting = asyncio.create_task(harness.ductape.processor.job.wait(receipt["job_id"]))
        await harness.sleep(100)
        await harness.ductape.jobs.cancel(receipt["job_id"], reason="changed my mind")
        with pytest.raises(JobCancelled, match="changed my mind") as cancelled:
            await waiting
        assert cancelled.value.job_id == receipt["job_id"]

    play(scenario, registry(sleeper=sleeper))


def test_waiting_for_a_cancelled_recurrence_says_so(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        later = harness.clock.now_ms() + 60_000
        job = a_job("numbered", start_at=later, repeat={"every": 60_000})
        waiting = asyncio.create_task(harness.ductape.processor.job.schedule(job))
        await harness.sleep(100)
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.ductape.jobs.cancel(receipt["job_id"])
        with pytest.raises(JobCancelled):
            await waiting

    play(scenario, registry(numbered=numbered))


def test_a_wait_that_takes_too_long_leaves_the_job_alive(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        with pytest.raises(ResultTimeout) as late:
            await job.schedule(a_job("sleeper", input={"ms": 5_000}), timeout=1)
        assert late.value.job_id is not None
        assert await job.wait(late.value.job_id, timeout=10) == "slept"

    play(scenario, registry(sleeper=sleeper))


def test_a_caller_that_goes_away_leaves_the_job_alive(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = a_job("sleeper", input={"ms": 5_000}, key="mine")
        waiting = asyncio.create_task(harness.ductape.processor.job.schedule(job))
        await harness.sleep(1_000)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        view = await harness.ductape.jobs.get(key="mine", product="shop", env="dev")
        assert (await until_status(harness, view["id"], "completed"))["result"] == "slept"

    play(scenario, registry(sleeper=sleeper))


def test_a_failure_carries_its_error_and_attempts(play: Play) -> None:
    async def boom() -> None:
        raise RuntimeError("no")

    async def scenario(harness: Harness) -> None:
        with pytest.raises(JobFailed) as failed:
            await harness.ductape.processor.job.schedule(a_job("boom"))
        view = await view_of(harness, failed.value.job_id or "")
        assert failed.value.error == view["last_error"]
        assert failed.value.attempts == view["attempts"]

    play(scenario, registry(boom=boom))


def test_waiting_for_a_job_that_has_ended_resolves_at_once(play: Play) -> None:
    async def scenario(harness: Harness) -> object:
        job = harness.ductape.processor.job
        receipt = await job.dispatch(a_job("sleeper"))
        await until_status(harness, receipt["job_id"], "completed")
        return await job.wait(receipt["job_id"], timeout=0)

    assert play(scenario, registry(sleeper=sleeper)) == "slept"


def test_waiting_for_no_job_is_refused(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        with pytest.raises(NotFound):
            await harness.ductape.processor.job.wait("nobody")
        with pytest.raises(ValidationError):
            await harness.ductape.processor.job.wait("nobody", timeout=-1)

    play(scenario, registry(sleeper=sleeper))


def test_a_caller_is_warned_where_nobody_serves_the_queue(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(harness: Harness) -> None:
        with pytest.raises(ResultTimeout):
            await harness.ductape.processor.job.schedule(a_job("sleeper", queue="q"), timeout=90)

    play(scenario, registry(sleeper=sleeper), worker=False)
    warned = [one.message for one in caplog.records if "no live worker" in one.message]
    assert len(warned) == 2


def test_a_run_that_waits_for_its_instant_looks_at_the_clock_again_before(play: Play) -> None:
    """The server's clock may be known better by then: it starts by that, neither early nor late."""
    started_s: list[float] = []

    async def note(_: dict[str, object]) -> None:
        started_s.append(asyncio.get_running_loop().time())

    async def scenario(harness: Harness) -> float:
        since_s = harness.clock.elapsed_s()
        job = a_job("note", start_at=harness.clock.now_ms() + 1_000)
        await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(980)  # the worker holds it by now
        harness.clock.jump(3)
        await harness.until(lambda: started_s)
        return started_s[0] - since_s

    assert round(1_000 * play(scenario, registry(note=note))) == 1_000 - 3
