import asyncio

import pytest

from ductape import JobCancelled, WorkerOptions
from ductape.handlers.python import AsyncContext
from ductape.testing import Harness
from tests.unit.worker.builders import a_job, registry, sleeper, statuses, until_status, view_of
from tests.unit.worker.conftest import Play


def test_a_waiting_job_is_cancelled_at_once(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        later = harness.clock.now_ms() + 60_000
        receipt = await harness.ductape.processor.job.dispatch(a_job("sleeper", start_at=later))
        verb = await harness.ductape.jobs.cancel(receipt["job_id"], reason="not needed")
        assert (verb["status"], verb["changed"], statuses(verb)) == ("cancelled", True, [])
        await harness.sleep(120_000)
        view = await view_of(harness, receipt["job_id"])
        assert (view["status"], view["execution_count"]) == ("cancelled", 0)

    play(scenario, registry(sleeper=sleeper))


def test_a_running_job_is_cancelled_within_a_second(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = a_job("sleeper", input={"ms": 50_000}, retries=3)
        receipt = await harness.ductape.processor.job.dispatch(job)
        await until_status(harness, receipt["job_id"], "running")
        asked_ms = harness.clock.now_ms()
        assert (await harness.ductape.jobs.cancel(receipt["job_id"], reason="enough"))["changed"]
        view = await until_status(harness, receipt["job_id"], "cancelled")
        assert view["completed_at"] is not None
        assert view["completed_at"] - asked_ms < 1_000
        assert (statuses(view), view["execution_count"]) == (["cancelled"], 1)
        with pytest.raises(JobCancelled, match="enough"):
            await harness.ductape.processor.job.wait(receipt["job_id"])

    play(scenario, registry(sleeper=sleeper))


def test_of_several_who_cancel_a_running_job_the_first_does(play: Play) -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(50)
        except asyncio.CancelledError:
            await asyncio.sleep(1)
            raise

    async def scenario(harness: Harness) -> None:
        jobs = harness.ductape.jobs
        job_id = (await harness.ductape.processor.job.dispatch(a_job("stubborn")))["job_id"]
        await until_status(harness, job_id, "running")
        verbs = await asyncio.gather(*(jobs.cancel(job_id, f"reason {n}") for n in range(5)))
        await harness.sleep(500)
        assert await jobs.cancel_many({"status": "running"}) == {"count": 0}
        assert [verb["changed"] for verb in verbs].count(True) == 1
        asked = f"reason {[verb['changed'] for verb in verbs].index(True)}"
        view = await until_status(harness, job_id, "cancelled")
        assert (view["last_error"] or {})["message"] == asked

    play(scenario, registry(stubborn=stubborn))


def test_a_result_delivered_before_it_stops_is_kept(play: Play) -> None:
    async def careful() -> str:
        try:
            await asyncio.sleep(50)
        except asyncio.CancelledError:
            return "saved in time"
        return "never asked"

    async def scenario(harness: Harness) -> object:
        receipt = await harness.ductape.processor.job.dispatch(a_job("careful"))
        await until_status(harness, receipt["job_id"], "running")
        await harness.ductape.jobs.cancel(receipt["job_id"])
        return await harness.ductape.processor.job.wait(receipt["job_id"])

    assert play(scenario, registry(careful=careful)) == "saved in time"


def test_a_handler_that_raises_as_it_is_cancelled_is_cancelled_all_the_same(play: Play) -> None:
    async def untidy() -> None:
        try:
            await asyncio.sleep(50)
        except asyncio.CancelledError:
            raise RuntimeError("while tidying up") from None

    async def scenario(harness: Harness) -> None:
        receipt = await harness.ductape.processor.job.dispatch(a_job("untidy", retries=3))
        await until_status(harness, receipt["job_id"], "running")
        await harness.ductape.jobs.cancel(receipt["job_id"])
        assert statuses(await until_status(harness, receipt["job_id"], "cancelled")) == [
            "cancelled"
        ]

    play(scenario, registry(untidy=untidy))


def test_a_stubborn_job_is_cut_off_and_its_late_result_refused(play: Play) -> None:
    async def stubborn() -> str:
        for _ in range(5):
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                continue
        return "late"

    async def scenario(harness: Harness) -> None:
        receipt = await harness.ductape.processor.job.dispatch(a_job("stubborn"))
        await until_status(harness, receipt["job_id"], "running")
        await harness.ductape.jobs.cancel(receipt["job_id"])
        view = await until_status(harness, receipt["job_id"], "cancelled")
        await harness.sleep(10_000)
        assert (await view_of(harness, receipt["job_id"]))["result"] is None
        assert statuses(view) == ["cancelled"]

    play(scenario, registry(stubborn=stubborn), worker=WorkerOptions(grace_ms=300))


def test_a_parked_job_is_cancelled_without_its_leader(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        request = a_job("sleeper", input={"ms": 5_000}, cache="quick")
        leader = await job.dispatch(request)
        await harness.sleep(100)
        parked = await job.dispatch(request)
        await harness.sleep(100)
        verb = await harness.ductape.jobs.cancel(parked["job_id"])
        assert (verb["status"], verb["changed"]) == ("cancelled", True)
        assert await job.wait(leader["job_id"]) == "slept"

    play(scenario, registry(sleeper=sleeper))


def test_cancelling_a_recurrence_ends_it_and_its_running_run(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = a_job("sleeper", input={"ms": 50_000}, repeat={"every": 1_000})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(500)
        await harness.ductape.jobs.cancel(receipt["job_id"])
        await harness.sleep(5_000)
        view = await view_of(harness, receipt["job_id"])
        assert (view["status"], view["next_run_at"]) == ("cancelled", None)
        assert view["execution_count"] == 1

    play(scenario, registry(sleeper=sleeper))


def test_cancelling_one_run_leaves_the_recurrence(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = a_job("sleeper", input={"ms": 700}, repeat={"every": 1_000, "limit": 3})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(200)
        await harness.ductape.jobs.cancel(receipt["job_id"], run_only=True)
        await until_status(harness, receipt["job_id"], "completed")
        history = await harness.ductape.jobs.history(receipt["job_id"])
        found = [one["status"] for one in history["executions"]]
        assert found == ["completed", "completed", "cancelled"]

    play(scenario, registry(sleeper=sleeper))


def test_a_run_that_is_cancelled_before_it_begins_uses_up_no_limit(play: Play) -> None:
    async def scenario(harness: Harness) -> list[str]:
        later = harness.clock.now_ms() + 5_000
        job = a_job("sleeper", start_at=later, repeat={"every": 1_000, "limit": 2})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.ductape.jobs.cancel(receipt["job_id"], run_only=True)
        await until_status(harness, receipt["job_id"], "completed")
        history = await harness.ductape.jobs.history(receipt["job_id"])
        return [one["status"] for one in history["executions"]]

    found = play(scenario, registry(sleeper=sleeper))
    assert found == ["completed", "completed", "cancelled"]


def test_cancelling_an_overdue_run_cancels_what_it_stands_for(play: Play) -> None:
    async def scenario(harness: Harness) -> tuple[str, int | None]:
        await harness.ductape.queues.pause("default")
        began_ms = harness.clock.now_ms()
        job = a_job("sleeper", repeat={"every": 10_000})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(25_000)
        verb = await harness.ductape.jobs.cancel(receipt["job_id"], run_only=True)
        next_ms = verb["next_run_at"]
        return verb["status"], next_ms and next_ms - began_ms

    assert play(scenario, registry(sleeper=sleeper)) == ("scheduled", 30_000)


def test_a_verb_that_comes_too_late_changes_nothing(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        receipt = await harness.ductape.processor.job.dispatch(a_job("sleeper"))
        await until_status(harness, receipt["job_id"], "completed")
        verb = await harness.ductape.jobs.cancel(receipt["job_id"])
        assert (verb["status"], verb["changed"]) == ("completed", False)

    play(scenario, registry(sleeper=sleeper))


def test_a_handler_sees_that_it_is_cancelled(play: Play) -> None:
    seen: list[bool] = []

    async def looks(ctx: AsyncContext) -> None:
        seen.append(ctx.cancelled)
        try:
            await asyncio.sleep(50)
        finally:
            seen.append(ctx.cancelled)

    async def scenario(harness: Harness) -> None:
        receipt = await harness.ductape.processor.job.dispatch(a_job("looks"))
        await until_status(harness, receipt["job_id"], "running")
        await harness.ductape.jobs.cancel(receipt["job_id"])
        await until_status(harness, receipt["job_id"], "cancelled")

    play(scenario, registry(looks=looks))
    assert seen == [False, True]
