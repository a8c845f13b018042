"""Jobs that point at a feature: they are held, undone and go on as the feature itself would."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ductape import JobCancelled, JobFailed
from ductape.testing import Harness, run
from tests.unit.worker.builders import PRODUCT, a_job, until_status
from tests.unit.worker.test_features import Acting, event, in_order

NAP = {"tag": "nap", "type": "sleep", "input": {"ms": 120_000}}
CHARGE = event("charge", rollback={"event": "refund"})
POINTING = {"tag": "pointing", "event_tag": "order", "event_type": "feature"}
FURTHER = {"tag": "further", "event_tag": "pointing", "event_type": "job"}

Scenario = Callable[[Harness], Awaitable[None]]
Play = Callable[..., None]


@pytest.fixture
def acting() -> Acting:
    return Acting()


@pytest.fixture
def play(folder: Path, acting: Acting) -> Play:
    def played(scenario: Scenario, *steps: dict[str, object]) -> None:
        product = {**PRODUCT, "features": [in_order(*steps)], "jobs": [POINTING, FURTHER]}
        run(scenario, folder, handlers=acting.handlers, product=product)

    return played


async def begun(harness: Harness, event: str = "pointing", **more: object) -> str:
    receipt = await harness.ductape.processor.job.dispatch(a_job(event, **more))
    await harness.sleep(500)
    return receipt["job_id"]


@pytest.mark.parametrize("pointing", ["pointing", "further"])
def test_cancelled_while_it_is_held_it_is_undone(play: Play, acting: Acting, pointing: str) -> None:
    async def scenario(harness: Harness) -> None:
        job_id = await begun(harness, pointing)
        assert (await harness.ductape.jobs.cancel(job_id, reason="no more"))["changed"]
        with pytest.raises(JobCancelled, match="no more"):
            await harness.ductape.processor.job.wait(job_id)

    play(scenario, CHARGE, NAP, event("ship"))
    assert acting.tags == ["charge", "refund"]


def test_cancelled_in_the_middle_of_a_step_it_is_undone(play: Play, acting: Acting) -> None:
    async def scenario(harness: Harness) -> None:
        job_id = await begun(harness)
        await harness.ductape.jobs.cancel(job_id)
        await until_status(harness, job_id, "cancelled")

    play(scenario, CHARGE, event("ship", {"ms": 9_000}))
    assert acting.tags == ["charge", "ship", "refund"]


def test_cancelled_before_it_is_tried_again_it_is_undone(play: Play, acting: Acting) -> None:
    acting.failing = {"ship": 1}

    async def scenario(harness: Harness) -> None:
        job_id = await begun(harness, retries=1, retryConfig={"initialDelay": 60_000})
        await harness.ductape.jobs.cancel(job_id)
        await until_status(harness, job_id, "cancelled")

    play(scenario, CHARGE, event("ship"))
    assert acting.tags == ["charge", "ship", "refund"]


def test_one_that_has_begun_does_not_expire(play: Play, acting: Acting) -> None:
    async def scenario(harness: Harness) -> None:
        expires = harness.clock.now_ms() + 60_000
        await harness.ductape.processor.job.schedule(a_job("pointing", expires_at=expires))

    play(scenario, CHARGE, NAP, event("ship"))
    assert acting.tags == ["charge", "ship"]


def test_its_time_out_is_that_of_each_step(play: Play, acting: Acting) -> None:
    async def scenario(harness: Harness) -> None:
        with pytest.raises(JobFailed, match=r"TIMEOUT: step `execution\.1/main\.mail`"):
            await harness.ductape.processor.job.schedule(a_job("pointing", timeout=1_000))

    took = {"ms": 900}
    play(scenario, CHARGE, event("ship", took), event("recall", took), event("mail", {"ms": 9_000}))
    assert acting.tags == ["charge", "ship", "recall", "mail", "refund"]


def test_it_goes_on_with_the_version_that_it_began_with(play: Play, acting: Acting) -> None:
    async def scenario(harness: Harness) -> None:
        job_id = await begun(harness)
        changed = in_order(CHARGE, NAP, event("mail"))
        product = {**PRODUCT, "features": [changed], "jobs": [POINTING, FURTHER]}
        await harness.ductape.products.apply(product)
        await until_status(harness, job_id, "completed")

    play(scenario, CHARGE, NAP, event("ship"))
    assert acting.tags == ["charge", "ship"]
