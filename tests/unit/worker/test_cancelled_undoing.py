"""Cancelling what is being undone: each finished step is undone once, by a rollback that ends."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ductape import FeatureContext, Handlers, JobCancelled
from ductape.domain.change import RunRef
from ductape.domain.steps import Step
from ductape.handlers.python import AsyncContext
from ductape.testing import Harness, run
from tests.unit.worker.builders import PRODUCT, a_job

Part = dict[str, Any]

BEYOND_GRACE_MS = 45_000
"""Longer than a run that is told to stop has: as a rollback may take."""
SHIP: Part = {"event": "ship"}


class Acting:
    """Jobs for the steps: `ship` fails, `refund` takes its time, and all note when they end."""

    def __init__(self, refund_ms: int) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.refund_ms = refund_ms
        self.handlers = Handlers()
        for tag in ("charge", "reserve", "ship", "refund", "release", "mail"):
            self.handlers.job(tag)(self._acting(tag))
        self.handlers.feature("written")(self._written)

    def _acting(self, tag: str) -> Callable[..., Awaitable[object]]:
        async def act(given: Part, ctx: AsyncContext) -> str:
            self.begun.append(ctx.idempotency_key.partition(":")[2])
            await self._work(tag, given)
            return tag

        return act

    async def _work(self, tag: str, given: Part) -> None:
        await asyncio.sleep(self.refund_ms / 1000 if tag == "refund" else given.get("ms", 0) / 1000)
        self.ended.append(tag)
        if tag == "ship":
            raise RuntimeError("nobody goes there")

    async def _written(self, ctx: FeatureContext) -> None:
        async def refund(_: object) -> None:
            self.begun.append("refund")
            await self._work("refund", {})

        await ctx.job("charge", undo=lambda _: self.ended.append("release"))
        await ctx.job("reserve", undo=refund)
        await ctx.job("ship")


def feature(tag: str, *events: Part, **parts: object) -> Part:
    return {"tag": tag, "sequence": [{"tag": "main", "events": list(events)}], **parts}


UNDONE: tuple[Part, ...] = (
    {"event": "charge", "rollback": {"event": "release"}},
    {"event": "reserve", "rollback": {"event": "refund"}},
    SHIP,
)


def cancelled_while_undoing(
    folder: Path, acting: Acting, *features: Part, event: str = "order", times: int = 1
) -> dict[str, str]:
    """Cancel a job in the middle of a rollback; return the states of its steps at the end."""

    async def scenario(harness: Harness) -> dict[str, str]:
        processor, jobs = harness.ductape.processor.job, harness.ductape.jobs
        job_id = (await processor.dispatch(a_job(event)))["job_id"]
        await harness.sleep(1_000)
        for time in range(times):
            verb = await jobs.cancel(job_id, reason="no more")
            assert verb["changed"] is (time == 0)
            await harness.sleep(100)
        with pytest.raises(JobCancelled, match="no more"):
            await processor.wait(job_id)
        return {step["path"]: step["status"] for step in await jobs.steps(job_id)}

    product = {**PRODUCT, "features": list(features)}
    return run(scenario, folder, handlers=acting.handlers, product=product)


@pytest.mark.parametrize("refund_ms", [5_000, BEYOND_GRACE_MS])
@pytest.mark.parametrize("event", ["order", "written"])
def test_a_rollback_under_way_ends_before_a_cancelled_feature_stops(
    folder: Path, event: str, refund_ms: int
) -> None:
    acting = Acting(refund_ms)
    cancelled_while_undoing(folder, acting, feature("order", *UNDONE), event=event, times=2)
    assert acting.ended == ["charge", "reserve", "ship", "refund", "release"]
    assert len(acting.begun) == len({*acting.begun})


def test_a_child_that_undoes_itself_does_so_once_too(folder: Path) -> None:
    acting = Acting(BEYOND_GRACE_MS)
    kid: Part = {"type": "child", "event": "kid", "allow_fail": True}
    parent = feature("order", {"event": "mail", "rollback": {"event": "mail"}}, kid)
    cancelled_while_undoing(folder, acting, feature("kid", *UNDONE), parent)
    assert acting.ended == ["mail", "charge", "reserve", "ship", "refund", "release", "mail"]
    assert len(acting.begun) == len({*acting.begun})


def test_nothing_begins_beside_a_rollback_once_its_job_is_cancelled(folder: Path) -> None:
    acting = Acting(5_000)
    kid: Part = {"type": "child", "event": "kid", "allow_fail": True}
    mail: Part = {"event": "mail", "input": {"ms": 2_000}}
    mails = [{**mail, "tag": f"mail{n}"} for n in range(4)]
    parent = {
        "tag": "order",
        "sequence": [{"tag": "one", "events": [kid]}, {"tag": "two", "events": mails}],
    }
    states = cancelled_while_undoing(folder, acting, feature("kid", *UNDONE), parent)
    assert acting.ended == ["charge", "reserve", "ship", "mail", "refund", "release"]
    assert "two.mail1" not in states


def test_what_finishes_as_its_job_is_cancelled_is_recorded_and_undone(folder: Path) -> None:
    acting = Acting(0)

    async def scenario(harness: Harness) -> None:
        rows, processor = harness.ductape.core.store.steps, harness.ductape.processor.job
        record = rows.record

        async def slow(run: RunRef, steps: list[Step]) -> bool:
            if any(step.state == "completed" for step in steps):
                await asyncio.sleep(1)
            return await record(run, steps)

        rows.record = slow  # type: ignore[method-assign,assignment]
        job_id = (await processor.dispatch(a_job("order")))["job_id"]
        await harness.sleep(500)
        assert acting.ended == ["charge"]
        await harness.ductape.jobs.cancel(job_id)
        with pytest.raises(JobCancelled):
            await processor.wait(job_id)

    wait: Part = {"type": "wait", "event": "go"}
    order = feature("order", {"event": "charge", "rollback": {"event": "release"}}, wait)
    product = {**PRODUCT, "features": [order]}
    run(scenario, folder, handlers=acting.handlers, product=product)
    assert acting.ended == ["charge", "release"]


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("event", ["order", "typed"])
def test_a_step_that_ends_although_it_was_told_to_stop_is_undone_at_once(
    folder: Path, event: str, *, parallel: bool
) -> None:
    acting, handlers = Acting(0), Handlers()

    @handlers.job("finish")
    async def finish() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            acting.ended.append("finish")

    def release(_: object) -> None:
        acting.ended.append("release")

    @handlers.feature("typed")
    async def written(ctx: FeatureContext) -> None:
        async def both() -> None:
            await ctx.job("finish", undo=release)
            await ctx.job("ship")

        await (asyncio.gather(both()) if parallel else both())

    async def scenario(harness: Harness) -> dict[str, str]:
        processor, jobs = harness.ductape.processor.job, harness.ductape.jobs
        job_id = (await processor.dispatch(a_job(event)))["job_id"]
        await harness.sleep(1_000)
        await jobs.cancel(job_id)
        with pytest.raises(JobCancelled):
            await processor.wait(job_id, timeout=5)
        return {step["path"]: step["status"] for step in await jobs.steps(job_id)}

    events: list[Part] = [{"event": "finish", "rollback": {"event": "release"}}, SHIP]
    sequence = [{"tag": "main", "events": events}]
    if parallel:
        sequence.append({"tag": "also", "events": [{"type": "wait", "event": "go"}]})
    product = {**PRODUCT, "features": [{"tag": "order", "sequence": sequence}]}
    states = run(scenario, folder, handlers=[acting.handlers, handlers], product=product)
    assert acting.ended == ["finish", "release"]
    assert states["finish" if event == "typed" else "main.finish"] == "completed"
