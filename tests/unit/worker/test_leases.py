import asyncio

import pytest
from msgspec.structs import replace

from ductape import Ductape, JobFailed, WorkerOptions
from ductape.errors import StoreError
from ductape.handlers.python import AsyncContext
from ductape.testing import Harness
from ductape.worker.duties.upkeep import MOST_AT_ONCE
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

SHORT = WorkerOptions(lease_ms=3_000, grace_ms=500)


async def _silence(ductape: Ductape) -> None:
    """Stop a worker's heart: its lease will run out while it works on."""
    heart = ductape._workers["default"]._heart
    assert heart is not None
    await heart.aclose()


async def _die(ductape: Ductape) -> None:
    """End a worker's every task as the death of its process would: no word to anybody."""
    worker = ductape._workers["default"]
    heart = worker._heart
    assert heart is not None
    tasks = [*worker._tasks, *(h.task for h in worker._held.values() if h.task is not None)]
    ductape._workers.clear()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await heart.aclose()
    await ductape.core.store.aclose()


def test_a_living_worker_keeps_its_runs_however_long_they_take(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = a_job("sleeper", input={"ms": 300_000}, timeout=400_000)
        receipt = await harness.ductape.processor.job.dispatch(job)
        view = await until_status(harness, receipt["job_id"], "completed")
        assert statuses(view) == ["completed"]

    play(scenario, registry(sleeper=sleeper), worker=SHORT)


def test_a_dead_worker_s_run_is_taken_over_within_its_lease_and_five_seconds(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        dying = harness.neighbour(worker=SHORT)
        await dying.__aenter__()
        receipt = await dying.processor.job.dispatch(a_job("sleeper", input={"ms": 20_000}))
        await until_status(harness, receipt["job_id"], "running")
        died_ms = harness.clock.now_ms()
        await _die(dying)
        async with harness.neighbour(worker=SHORT):
            view = await until_status(harness, receipt["job_id"], "completed")
        assert statuses(view) == ["lost", "completed"]
        again = view["attempts"][1]["started_at"]
        assert again - died_ms <= SHORT.lease_ms + 5_000
        assert view["retry_count"] == 0

    play(scenario, registry(sleeper=sleeper), worker=False)


def test_of_a_dead_worker_s_many_runs_none_is_taken_over_later(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        many = 3 * MOST_AT_ONCE + 1
        dying = harness.neighbour(worker=replace(SHORT, concurrency=many))
        await dying.__aenter__()
        job = a_job("sleeper", input={"ms": 600_000}, timeout=900_000, onLost="fail")
        await dying.processor.job.dispatch_many([job] * many)
        await harness.sleep(1_000)
        await _die(dying)
        async with harness.neighbour(worker=SHORT) as other:
            await harness.sleep(SHORT.lease_ms + 5_000)
            assert await other.queues.list() == []

    play(scenario, registry(sleeper=sleeper), worker=False)


def test_a_worker_whose_lease_ran_out_comes_back_under_a_new_name(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        worker = worker_of(harness)
        old = worker.id
        harness.clock.jump(10_000)
        await harness.sleep(5_000)
        assert worker.id != old
        assert await harness.ductape.processor.job.schedule(a_job("sleeper"), timeout=5) == "slept"

    play(scenario, registry(sleeper=sleeper), worker=SHORT)


def test_a_run_whose_lease_was_lost_is_run_once_more_not_twice(play: Play) -> None:
    begun: list[int] = []

    async def act(ctx: AsyncContext) -> str:
        begun.append(ctx.attempt)
        await asyncio.sleep(2)
        return f"attempt {ctx.attempt}"

    async def scenario(harness: Harness) -> None:
        receipt = await harness.ductape.processor.job.dispatch(a_job("act"))
        await harness.sleep(500)
        harness.clock.jump(10_000)
        view = await until_status(harness, receipt["job_id"], "completed")
        assert (statuses(view), view["result"]) == (["lost", "completed"], "attempt 2")

    play(scenario, registry(act=act), worker=SHORT)
    assert begun == [1, 2]


def test_a_lost_run_s_late_result_is_refused(play: Play) -> None:
    async def act(ctx: AsyncContext) -> str:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            await asyncio.sleep(5)
            return f"late, of attempt {ctx.attempt}"
        return f"attempt {ctx.attempt}"

    async def scenario(harness: Harness) -> object:
        receipt = await harness.ductape.processor.job.dispatch(a_job("act"))
        await harness.sleep(500)
        harness.clock.jump(10_000)
        return await harness.ductape.processor.job.wait(receipt["job_id"])

    assert play(scenario, registry(act=act), worker=SHORT) == "attempt 2"


def test_a_silent_worker_s_runs_are_taken_over_although_it_works_on(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        mute = WorkerOptions(lease_ms=3_000, upkeep_ms=10**9)
        async with harness.neighbour(worker=mute) as silent:
            receipt = await silent.processor.job.dispatch(a_job("sleeper", input={"ms": 20_000}))
            await until_status(harness, receipt["job_id"], "running")
            await _silence(silent)
            async with harness.neighbour(worker=SHORT) as healthy:
                view = await until_status(harness, receipt["job_id"], "completed")
                assert view["attempts"][-1]["worker"] == healthy.worker_id
            assert statuses(view) == ["lost", "completed"]

    play(scenario, registry(sleeper=sleeper), worker=False)


def test_a_third_loss_in_a_row_is_the_run_s_own_fault(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        receipt = await job.dispatch(a_job("sleeper", input={"ms": 40_000}))
        for _ in range(3):
            dying = harness.neighbour(worker=SHORT)
            await dying.__aenter__()
            await until_status(harness, receipt["job_id"], "running")
            await _die(dying)
            async with harness.neighbour(handlers=(), worker=SHORT):
                await harness.until(lambda: _is_free(harness, receipt["job_id"]))
        with pytest.raises(JobFailed) as failed:
            await job.wait(receipt["job_id"])
        assert failed.value.error["code"] == "WORKER_LOST"
        assert [attempt["status"] for attempt in failed.value.attempts] == ["lost"] * 3

    play(scenario, registry(sleeper=sleeper), worker=False)


async def _is_free(harness: Harness, job_id: str) -> bool:
    return (await view_of(harness, job_id))["status"] in ("queued", "failed")


def test_at_most_once_means_that_a_lost_run_fails(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = a_job("sleeper", input={"ms": 2_000}, onLost="fail", retries=3)
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(500)
        harness.clock.jump(10_000)
        view = await until_status(harness, receipt["job_id"], "failed")
        assert statuses(view) == ["lost"]
        assert view["last_error"] is not None
        assert view["last_error"]["code"] == "WORKER_LOST"

    play(scenario, registry(sleeper=sleeper), worker=SHORT)


def test_suspects_are_run_one_at_a_time(play: Play) -> None:
    running: list[str] = []
    most: list[int] = []

    async def act(ctx: AsyncContext) -> None:
        if ctx.attempt > 1:
            running.append(ctx.job_id)
            most.append(len(running))
        try:
            await asyncio.sleep(2)
        finally:
            if ctx.job_id in running:
                running.remove(ctx.job_id)

    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        receipts = await job.dispatch_many([a_job("act")] * 4)
        await harness.sleep(500)
        harness.clock.jump(10_000)
        for receipt in receipts:
            view = await until_status(harness, receipt["job_id"], "completed")
            assert statuses(view) == ["lost", "completed"]

    play(scenario, registry(act=act), worker=SHORT)
    assert most == [1, 1, 1, 1]


def test_a_suspect_does_not_hold_up_the_others(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        suspect = await job.dispatch(a_job("sleeper", input={"ms": 30_000}))
        await harness.sleep(500)
        harness.clock.jump(10_000)
        await harness.sleep(6_000)
        assert (await view_of(harness, suspect["job_id"]))["status"] == "running"
        assert await job.schedule(a_job("sleeper"), timeout=1) == "slept"

    play(scenario, registry(sleeper=sleeper), worker=SHORT)


def test_a_failed_attempt_between_losses_ends_the_row(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        receipt = await harness.ductape.processor.job.dispatch(
            a_job("act", retries=1, retryConfig={"initialDelay": 10})
        )
        for _ in range(2):
            await harness.sleep(1_000)
            harness.clock.jump(10_000)
            await harness.sleep(6_000)
        view = await until_status(harness, receipt["job_id"], "completed")
        assert statuses(view) == ["lost", "lost", "failed", "completed"]

    async def act(ctx: AsyncContext) -> None:
        await asyncio.sleep(20)
        if ctx.attempt == 3:
            raise RuntimeError("not lost")

    play(scenario, registry(act=act), worker=SHORT)


def test_a_full_disk_for_a_moment_loses_no_result(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(harness: Harness) -> None:
        receipt = await harness.ductape.processor.job.dispatch(
            a_job("sleeper", input={"ms": 1_000})
        )
        await harness.sleep(500)
        claims = harness.ductape.core.store.claims
        good = claims.turn
        monkeypatch.setattr(claims, "turn", _refuse)
        await harness.sleep(3_000)
        monkeypatch.setattr(claims, "turn", good)
        view = await until_status(harness, receipt["job_id"], "completed")
        assert statuses(view) == ["completed"]

    play(scenario, registry(sleeper=sleeper))


def test_a_worker_that_cannot_register_anew_tries_again(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(harness: Harness) -> None:
        fleet = harness.ductape.core.store.fleet
        good = fleet.register
        monkeypatch.setattr(fleet, "register", _refuse)
        harness.clock.jump(10_000)
        await harness.sleep(5_000)
        monkeypatch.setattr(fleet, "register", good)
        assert await harness.ductape.processor.job.schedule(a_job("sleeper"), timeout=5) == "slept"

    play(scenario, registry(sleeper=sleeper), worker=SHORT)


def test_a_disk_that_fails_at_the_worst_moment_does_not_end_the_worker(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(harness: Harness) -> None:
        job = a_job("sleeper", input={"ms": 1_000}, repeat={"every": 60_000, "limit": 1})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(500)
        # The recurrence changes under the running run: its settlement must be computed again.
        await harness.ductape.jobs.run_now(receipt["job_id"])
        reading = harness.ductape.core.store.reading
        good = reading.get
        monkeypatch.setattr(reading, "get", _refuse)
        await harness.sleep(505)
        monkeypatch.setattr(reading, "get", good)
        await until_status(harness, receipt["job_id"], "completed")
        assert await harness.ductape.processor.job.schedule(a_job("sleeper"), timeout=5) == "slept"

    play(scenario, registry(sleeper=sleeper))


async def _refuse(*_: object, **__: object) -> None:
    raise StoreError("the disk is full")


def test_a_lease_lost_under_an_earlier_name_is_given_up_once(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        worker = worker_of(harness)
        first = worker.id
        worker._lease_lost(first)
        await harness.sleep(1_000)
        second = worker.id
        assert second != first
        worker._lease_lost(first)
        await harness.sleep(1_000)
        assert worker.id == second

    play(scenario, registry(act=sleeper))
