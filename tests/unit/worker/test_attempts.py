"""What an attempt starts from: the product of the day, the checkpoint of the one before."""

import asyncio

import pytest

from ductape import JobFailed
from ductape.handlers.python import AsyncContext
from ductape.testing import Harness
from tests.unit.worker.builders import PRODUCT, a_job, registry, until_status, view_of
from tests.unit.worker.conftest import Play


def test_a_checkpoint_is_handed_to_the_next_attempt(play: Play) -> None:
    async def act(ctx: AsyncContext) -> object:
        if ctx.attempt == 1:
            assert ctx.last_checkpoint is None
            await ctx.checkpoint({"sent": ["a"]})
            raise RuntimeError("half done")
        return ctx.last_checkpoint

    async def scenario(harness: Harness) -> object:
        return await harness.ductape.processor.job.schedule(a_job(retries=1))

    assert play(scenario, registry(act=act)) == {"sent": ["a"]}


def test_a_checkpoint_survives_the_loss_of_the_worker(play: Play) -> None:
    async def act(ctx: AsyncContext) -> object:
        if ctx.attempt == 1:
            await ctx.checkpoint(7)
            await asyncio.sleep(20)
        return ctx.last_checkpoint

    async def scenario(harness: Harness) -> object:
        receipt = await harness.ductape.processor.job.dispatch(a_job())
        await harness.sleep(1_000)
        harness.clock.jump(60_000)
        return await harness.ductape.processor.job.wait(receipt["job_id"])

    assert play(scenario, registry(act=act)) == 7


def test_a_checkpoint_is_not_handed_to_another_run(play: Play) -> None:
    found: list[object] = []

    async def act(ctx: AsyncContext) -> None:
        found.append(ctx.last_checkpoint)
        await ctx.checkpoint(ctx.run)

    async def scenario(harness: Harness) -> None:
        job = a_job(repeat={"every": 1_000, "limit": 2})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await until_status(harness, receipt["job_id"], "completed")

    play(scenario, registry(act=act))
    assert found == [None, None]


def test_a_checkpoint_that_is_too_large_is_refused(play: Play) -> None:
    async def act(ctx: AsyncContext) -> None:
        await ctx.checkpoint("x" * 70_000)

    async def scenario(harness: Harness) -> None:
        with pytest.raises(JobFailed, match="checkpoint") as failed:
            await harness.ductape.processor.job.schedule(a_job())
        assert failed.value.error["code"] == "VALIDATION_ERROR"

    play(scenario, registry(act=act))


def test_progress_is_shown_while_it_runs_and_after(play: Play) -> None:
    async def act(ctx: AsyncContext) -> None:
        await ctx.progress(1, 4, "one of four")
        await asyncio.sleep(5)
        await ctx.progress(4, 4)

    async def scenario(harness: Harness) -> None:
        receipt = await harness.ductape.processor.job.dispatch(a_job())
        await harness.sleep(1_000)
        view = await view_of(harness, receipt["job_id"])
        assert view["progress"] == {"done": 1, "total": 4, "note": "one of four"}
        view = await until_status(harness, receipt["job_id"], "completed")
        assert view["progress"] == {"done": 4, "total": 4, "note": None}

    play(scenario, registry(act=act))


def test_an_attempt_knows_its_deadline(play: Play) -> None:
    async def act(ctx: AsyncContext) -> int:
        return ctx.deadline

    async def scenario(harness: Harness) -> None:
        receipt = await harness.ductape.processor.job.dispatch(a_job(timeout=5_000))
        view = await until_status(harness, receipt["job_id"], "completed")
        assert view["started_at"] is not None
        assert view["result"] == view["started_at"] + 5_000

    play(scenario, registry(act=act))


def test_a_product_that_was_mended_is_used_by_the_next_attempt(play: Play) -> None:
    seen: list[object] = []

    async def act(ctx: AsyncContext) -> None:
        seen.append(ctx.attempt)
        if ctx.attempt == 1:
            raise RuntimeError("the product has a flaw")

    async def scenario(harness: Harness) -> None:
        config = {"initialDelay": 10_000, "jitter": False}
        receipt = await harness.ductape.processor.job.dispatch(
            a_job(retries=3, cache="quick", retryConfig=config)
        )
        await harness.sleep(5_000)
        await harness.ductape.products.apply({**PRODUCT, "envs": [{"slug": "other"}]}, force=True)
        view = await until_status(harness, receipt["job_id"], "failed")
        # The env is gone by now: the second attempt found the product of the day, not of old.
        assert view["last_error"] is not None
        assert view["last_error"]["code"] == "NOT_FOUND"
        assert len(view["attempts"]) == 2
        await harness.ductape.products.apply(PRODUCT)
        await harness.ductape.jobs.retry(receipt["job_id"])
        await until_status(harness, receipt["job_id"], "completed")

    play(scenario, registry(act=act))
    assert seen == [1, 1, 2]


def test_a_handler_that_cancels_itself_has_failed(play: Play) -> None:
    async def act() -> None:
        raise asyncio.CancelledError

    async def scenario(harness: Harness) -> None:
        with pytest.raises(JobFailed) as failed:
            await harness.ductape.processor.job.schedule(a_job())
        assert failed.value.error["code"] == "HANDLER_ERROR"

    play(scenario, registry(act=act))


def test_a_result_that_is_no_json_has_failed(play: Play) -> None:
    async def act() -> object:
        return {"at": object()}

    async def scenario(harness: Harness) -> None:
        with pytest.raises(JobFailed, match="at") as failed:
            await harness.ductape.processor.job.schedule(a_job(retries=3))
        assert failed.value.error["code"] == "VALIDATION_ERROR"

    play(scenario, registry(act=act))
