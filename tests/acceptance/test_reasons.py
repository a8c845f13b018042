"""Why a recurrence was cancelled between its runs is shown, alike on every store."""

from collections.abc import AsyncIterator

import pytest

from ductape import Ductape, Handlers, JobCancelled

PRODUCT = {"tag": "shop", "envs": [{"slug": "dev"}]}
YEARS_AHEAD_MS = 4_000_000_000_000
DAILY: dict[str, object] = {
    "product_tag": "shop",
    "env": "dev",
    "event": "note",
    "input": {},
    "start_at": YEARS_AHEAD_MS,
    "repeat": {"every": 86_400_000},
    "key": "daily",
}


@pytest.fixture
async def ductape(store: str) -> AsyncIterator[Ductape]:
    handlers = Handlers()

    @handlers.job("note")
    async def note(_: dict[str, object]) -> str:
        return "noted"

    async with Ductape.open(store, handlers=handlers, worker=False) as opened:
        await opened.products.apply(PRODUCT)
        yield opened


async def test_a_cancelled_recurrence_shows_the_reason(ductape: Ductape) -> None:
    job = (await ductape.processor.job.dispatch(DAILY))["job_id"]
    assert (await ductape.jobs.cancel(job, reason="sold"))["changed"]
    shown = await ductape.jobs.get(job)
    error = shown["last_error"]
    assert error is not None
    assert (shown["status"], error["code"], error["message"], error["type"], error["at"]) == (
        "cancelled",
        "JOB_CANCELLED",
        "sold",
        "JobCancelled",
        shown["updated_at"],
    )
    with pytest.raises(JobCancelled, match="sold"):
        await ductape.processor.job.wait(job)


async def test_many_are_cancelled_for_one_reason(ductape: Ductape) -> None:
    job = (await ductape.processor.job.dispatch(DAILY))["job_id"]
    assert await ductape.jobs.cancel_many({"event": "note"}, reason="closed") == {"count": 1}
    [listed] = await ductape.jobs.list(recurring=True)
    assert listed["id"] == job
    assert listed["last_error"] is not None
    assert listed["last_error"]["message"] == "closed"


async def test_a_recurrence_that_begins_anew_has_no_reason(ductape: Ductape) -> None:
    job = (await ductape.processor.job.dispatch(DAILY))["job_id"]
    await ductape.jobs.cancel(job, reason="sold")
    other = {**DAILY, "repeat": {"every": 43_200_000}}
    assert (await ductape.processor.job.dispatch(other))["job_id"] == job
    assert (await ductape.jobs.get(job))["last_error"] is None
    await ductape.jobs.cancel(job)
    assert (await ductape.jobs.get(job))["last_error"] is None
