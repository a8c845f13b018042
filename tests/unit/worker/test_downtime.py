"""What nobody was there for becomes one run, for the latest of the missed instants (SPEC 4)."""

import asyncio

from ductape.testing import Harness
from tests.unit.worker.builders import a_job, registry, until_status
from tests.unit.worker.conftest import Play

SECOND = 1_000


async def quick() -> None:
    """Take no time."""


async def scheduled_s(harness: Harness, job_id: str, began_ms: int) -> list[float]:
    """Return at which seconds from the beginning the finished runs were scheduled."""
    history = await harness.ductape.jobs.history(job_id)
    instants = [one["scheduled_at"] for one in history["executions"]]
    return [(at - began_ms) / SECOND for at in reversed(instants)]


def test_runs_that_nobody_began_become_one(play: Play) -> None:
    async def scenario(harness: Harness) -> tuple[list[float], int]:
        began_ms = harness.clock.now_ms()
        receipt = await harness.ductape.processor.job.dispatch(a_job(repeat={"every": 10 * SECOND}))
        await harness.sleep(15 * SECOND)
        harness.clock.jump(95 * SECOND)
        await harness.sleep(25 * SECOND)
        job = await harness.ductape.jobs.get(receipt["job_id"])
        return await scheduled_s(harness, receipt["job_id"], began_ms), job["execution_count"]

    assert play(scenario, registry(act=quick)) == ([0, 10, 110, 120, 130], 5)


def test_it_counts_once_for_the_limit_and_goes_not_beyond_the_end(play: Play) -> None:
    async def scenario(harness: Harness) -> tuple[list[float], list[float]]:
        began_ms = harness.clock.now_ms()
        dispatch = harness.ductape.processor.job.dispatch
        limited = await dispatch(a_job(repeat={"every": 10 * SECOND, "limit": 3}))
        ending = {"every": 10 * SECOND, "endDate": began_ms + 45 * SECOND}
        ended = await dispatch(a_job(repeat=ending))
        await harness.sleep(5 * SECOND)
        harness.clock.jump(100 * SECOND)
        await until_status(harness, limited["job_id"], "completed")
        await until_status(harness, ended["job_id"], "completed")
        return (
            await scheduled_s(harness, limited["job_id"], began_ms),
            await scheduled_s(harness, ended["job_id"], began_ms),
        )

    assert play(scenario, registry(act=quick)) == ([0, 100, 110], [0, 40])


def test_it_shows_while_it_runs_and_what_it_misses_itself_is_one_more(play: Play) -> None:
    async def slow() -> None:
        await asyncio.sleep(25)

    async def scenario(harness: Harness) -> tuple[float, float, list[float]]:
        began_ms = harness.clock.now_ms()
        job = a_job(repeat={"every": 10 * SECOND}, start_at=began_ms + 10 * SECOND)
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(5 * SECOND)
        harness.clock.jump(50 * SECOND)
        await harness.sleep(5 * SECOND)
        seen = await harness.ductape.jobs.get(receipt["job_id"])
        await harness.sleep(55 * SECOND)
        at_ms, next_ms = seen["scheduled_at"], seen["next_run_at"]
        assert at_ms is not None
        assert next_ms is not None
        ended = await scheduled_s(harness, receipt["job_id"], began_ms)
        return (at_ms - began_ms) / SECOND, (next_ms - began_ms) / SECOND, ended

    at_s, next_s, ended = play(scenario, registry(act=slow))
    assert (at_s, next_s) == (50, 60)
    assert ended == [50, 80]


def test_an_extra_run_keeps_its_instant(play: Play) -> None:
    async def scenario(harness: Harness) -> list[float]:
        began_ms = harness.clock.now_ms()
        job = a_job(repeat={"cron": "0 0 1 1 *"}, start_at=began_ms + 86_400_000)
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(SECOND)
        await harness.ductape.jobs.run_now(receipt["job_id"])
        await harness.sleep(2 * SECOND)
        return await scheduled_s(harness, receipt["job_id"], began_ms)

    assert play(scenario, registry(act=quick)) == [1]


def test_what_waits_shows_the_latest_instant_that_it_stands_for(play: Play) -> None:
    async def scenario(harness: Harness) -> tuple[list[float], list[float]]:
        began_ms = harness.clock.now_ms()
        ductape, seen = harness.ductape, list[float]()
        await ductape.queues.pause("default")
        receipt = await ductape.processor.job.dispatch(a_job(repeat={"every": 10 * SECOND}))
        for wait_s in (5, 30, 40):
            await harness.sleep(wait_s * SECOND)
            job = await ductape.jobs.get(receipt["job_id"])
            assert job["status"] == "queued"
            assert job["scheduled_at"] == job["next_run_at"]
            seen.append(((job["scheduled_at"] or 0) - began_ms) / SECOND)
        await ductape.queues.resume("default")
        await harness.sleep(10 * SECOND)
        return seen, await scheduled_s(harness, receipt["job_id"], began_ms)

    assert play(scenario, registry(act=quick)) == ([0, 30, 70], [70, 80])


def test_what_was_paused_while_it_waited_shows_its_own_instant(play: Play) -> None:
    async def scenario(harness: Harness) -> float:
        began_ms = harness.clock.now_ms()
        ductape = harness.ductape
        await ductape.queues.pause("default")
        receipt = await ductape.processor.job.dispatch(a_job(repeat={"every": 10 * SECOND}))
        await ductape.jobs.pause(receipt["job_id"])
        await harness.sleep(35 * SECOND)
        job = await ductape.jobs.get(receipt["job_id"])
        return ((job["scheduled_at"] or 0) - began_ms) / SECOND

    assert play(scenario, registry(act=quick)) == 0


def test_a_clock_that_is_set_back_puts_off_no_look_for_what_nobody_hinted_at(play: Play) -> None:
    async def scenario(harness: Harness) -> float:
        await harness.sleep(5 * SECOND)
        harness.clock.jump(-7_200 * SECOND)
        async with harness.neighbour(worker=False) as other:
            receipt = await other.processor.job.dispatch(a_job())
            stored_s = harness.clock.elapsed_s()
            await until_status(harness, receipt["job_id"], "completed")
            return harness.clock.elapsed_s() - stored_s

    assert play(scenario, registry(act=quick)) < 35
