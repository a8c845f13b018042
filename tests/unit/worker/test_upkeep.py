"""Upkeep mends what should never break, and deletes what is old."""

from typing import Any

import pytest

from ductape import JobFailed, NotFound, WorkerOptions
from ductape.testing import Harness
from ductape.worker.duties.upkeep import MOST_AT_ONCE
from tests.unit.worker.builders import PRODUCT, a_job, registry, sleeper, until_status, view_of
from tests.unit.worker.conftest import Play

KEPT_SHORTLY = WorkerOptions(completed_kept_ms=3_600_000, failed_kept_ms=7_200_000)


async def boom() -> None:
    raise RuntimeError("no")


async def _execute(harness: Harness, sql: str) -> None:
    def step(connection: Any) -> None:  # noqa: ANN401 (the store's connection)
        connection.execute(sql)

    await harness.ductape.core.store._engine.write(step)


async def _is_there(harness: Harness, job_id: str) -> bool:
    try:
        await view_of(harness, job_id)
    except NotFound:
        return False
    return True


def test_a_recurrence_whose_run_was_lost_gets_a_new_one(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = a_job("sleeper", repeat={"every": 60_000})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(1_000)
        await _execute(harness, "DELETE FROM runs")
        await harness.sleep(60_000)
        view = await view_of(harness, receipt["job_id"])
        assert view["execution_count"] == 2
        assert view["scheduled_at"] == receipt["scheduled_at"] + 60_000

    play(scenario, registry(sleeper=sleeper))


def test_what_nobody_claims_expires_all_the_same(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        ductape = harness.ductape
        await ductape.queues.pause("default")
        request = a_job("sleeper", expires_at=harness.clock.now_ms() + 60_000)
        with pytest.raises(JobFailed, match="EXPIRED"):
            await ductape.processor.job.schedule(request)
        assert harness.clock.now_ms() < request["expires_at"] + 15_000
        await ductape.queues.resume("default")
        await harness.sleep(1_000)
        assert began == []

    began: list[int] = []

    async def sleeper() -> None:
        began.append(1)

    play(scenario, registry(sleeper=sleeper), worker=WorkerOptions(upkeep_ms=2_000))


def test_of_many_that_expired_none_waits_for_the_next_look_but_one(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        ductape = harness.ductape
        await ductape.queues.pause("default")
        expires_at = harness.clock.now_ms() + 60_000
        request = a_job("sleeper", expires_at=expires_at)
        await ductape.processor.job.dispatch_many([request] * (2 * MOST_AT_ONCE + 1))
        await harness.sleep(60_000 + 10_000 + 4_000)
        [queue] = await ductape.queues.list()
        assert queue["queued"] == 0

    play(scenario, registry(sleeper=sleeper), worker=WorkerOptions(upkeep_ms=2_000))


def test_a_paused_recurrence_is_left_without_a_run(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = a_job("sleeper", repeat={"every": 60_000})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(1_000)
        await harness.ductape.jobs.pause(receipt["job_id"])
        await harness.sleep(300_000)
        view = await view_of(harness, receipt["job_id"])
        assert (view["status"], view["execution_count"]) == ("paused", 1)

    play(scenario, registry(sleeper=sleeper))


def test_a_follower_without_a_leader_is_released(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        request = a_job("sleeper", cache="quick", input={"ms": 30_000})
        leader = await job.dispatch(request)
        await harness.sleep(100)
        follower = await job.dispatch(request)
        await harness.sleep(100)
        await _execute(harness, f"DELETE FROM runs WHERE job_id = '{leader['job_id']}'")  # noqa: S608 (an id of ours)
        await harness.sleep(2_500)
        assert (await view_of(harness, follower["job_id"]))["status"] == "running"

    play(scenario, registry(sleeper=sleeper), worker=WorkerOptions(upkeep_ms=2_000))


def test_what_is_old_is_deleted_and_what_is_young_kept(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        done = await job.dispatch(a_job("sleeper"))
        failed = await job.dispatch(a_job("boom"))
        await harness.sleep(3_500_000)
        young = await job.dispatch(a_job("sleeper"))
        await harness.sleep(800_000)
        there = [await _is_there(harness, one["job_id"]) for one in (done, failed, young)]
        assert there == [False, True, True]

    play(scenario, registry(sleeper=sleeper, boom=boom), worker=KEPT_SHORTLY)


def test_a_key_is_free_again_once_its_job_is_deleted(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        first = await job.dispatch(a_job("sleeper", key="k"))
        await until_status(harness, first["job_id"], "completed")
        assert (await job.dispatch(a_job("sleeper", key="k")))["job_id"] == first["job_id"]
        await harness.sleep(4_300_000)
        second = await job.dispatch(a_job("sleeper", key="k"))
        assert second["job_id"] != first["job_id"]

    play(scenario, registry(sleeper=sleeper), worker=KEPT_SHORTLY)


def test_a_live_recurrence_outlives_its_history(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = a_job("sleeper", repeat={"every": 3_000_000})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(10_000_000)
        view = await view_of(harness, receipt["job_id"])
        assert (view["status"], view["execution_count"]) == ("scheduled", 4)
        history = await harness.ductape.jobs.history(receipt["job_id"])
        assert len(history["executions"]) < 4

    play(scenario, registry(sleeper=sleeper), worker=KEPT_SHORTLY)


def test_a_product_says_how_long_its_own_runs_are_kept(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = harness.ductape.processor.job
        kept = {"completed": 0.02, "failed": 0.1}  # 29 minutes, and 144
        await harness.ductape.products.apply({**PRODUCT, "retention": kept})
        await harness.ductape.products.apply({**PRODUCT, "tag": "other"})
        done, failed = [await job.dispatch(a_job(event)) for event in ("sleeper", "boom")]
        other = await job.dispatch(a_job("sleeper", product_tag="other"))
        ids = [one["job_id"] for one in (done, failed, other)]
        for minutes, there in ((25, [True] * 3), (30, [False, True, True])):
            await harness.sleep(minutes * 60_000)
            assert [await _is_there(harness, one) for one in ids] == there
        await harness.sleep(30 * 60_000)
        assert [await _is_there(harness, one) for one in ids] == [False, True, False]
        await harness.sleep(75 * 60_000)
        assert [await _is_there(harness, one) for one in ids] == [False, False, False]

    play(scenario, registry(sleeper=sleeper, boom=boom), worker=KEPT_SHORTLY)


def test_a_product_that_takes_it_back_is_kept_as_all_others(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        apply = harness.ductape.products.apply
        await apply({**PRODUCT, "retention": {"completed": 36_500}})
        done = (await harness.ductape.processor.job.dispatch(a_job("sleeper")))["job_id"]
        await harness.sleep(4_300_000)
        assert await _is_there(harness, done)
        await apply(PRODUCT)
        await harness.sleep(700_000)
        assert not await _is_there(harness, done)

    play(scenario, registry(sleeper=sleeper), worker=KEPT_SHORTLY)
