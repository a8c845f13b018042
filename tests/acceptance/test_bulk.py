"""Many jobs at once, by a filter that says which."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from ductape import Conflict, Ductape, Handlers, JobCancelled, ValidationError
from ductape.domain.change import SettleAnswer, Settlement

PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "sessions": [
        {"tag": "login", "schema": {"id": 1}, "selector": "$Session{id}", "expiry": 60_000}
    ],
}
JOB = {"product_tag": "shop", "env": "dev", "event": "note", "input": {}, "start_at": 4_000_000_000}
DAILY = {"repeat": {"every": 86_400_000}, "start_at": 4_000_000_000}


@pytest.fixture
async def ductape(store: str) -> AsyncIterator[Ductape]:
    handlers = Handlers()

    @handlers.job("note")
    @handlers.job("other")
    async def note(_: dict[str, object]) -> None:
        raise RuntimeError("not today")

    @handlers.job("long")
    async def long(_: dict[str, object]) -> None:
        await asyncio.Event().wait()

    async with Ductape.open(store, handlers=handlers, worker=True) as opened:
        await opened.products.apply(PRODUCT)
        yield opened


async def session_of(ductape: Ductape, user: int) -> dict[str, object]:
    where = {"product": "shop", "env": "dev", "tag": "login", "data": {"id": user}}
    pair = await ductape.processor.sessions.start(where)
    return {"session": {"tag": "login", "token": pair["token"]}}


async def test_the_jobs_of_one_users_sessions_are_cancelled_together(ductape: Ductape) -> None:
    ada, bob = await session_of(ductape, 1), await session_of(ductape, 2)
    await ductape.processor.job.dispatch_many([{**JOB, **ada}] * 250 + [{**JOB, **bob}] * 2)
    done = await ductape.jobs.cancel_many({"session_tag": "login", "session_user": "1"}, "left")
    assert done == {"count": 250}
    left = await ductape.jobs.list(status="scheduled")
    assert [job["session_user"] for job in left] == ["2", "2"]
    assert await ductape.jobs.cancel_many({"session_user": "1"}) == {"count": 0}


async def test_what_runs_is_cancelled_with_what_waits(ductape: Ductape) -> None:
    now = {**JOB, "start_at": 0, "event": "long"}
    batch = [JOB, now, {**JOB, **DAILY}, {**now, "repeat": {"every": 86_400_000}}]
    receipts = await ductape.processor.job.dispatch_many(batch)
    for running in (receipts[1], receipts[3]):
        async for seen in ductape.jobs.watch(running["job_id"]):
            if seen["status"] == "running":
                break
    assert await ductape.jobs.cancel_many({"product": "shop"}, "enough") == {"count": 4}
    for receipt in receipts:
        with pytest.raises(JobCancelled):
            await ductape.processor.job.wait(receipt["job_id"], timeout=20)
        assert (await ductape.jobs.get(receipt["job_id"]))["status"] == "cancelled"


async def test_many_jobs_are_changed_by_few_transactions(
    ductape: Ductape, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims, sizes = ductape.jobs._store.claims, list[int]()
    settle = claims.settle

    async def counted(settlements: Sequence[Settlement], *, now_ms: int) -> list[SettleAnswer]:
        sizes.append(len(settlements))
        return await settle(settlements, now_ms=now_ms)

    daily = [{**JOB, **DAILY, "metadata": {"at": str(n)}} for n in range(300)]
    await ductape.processor.job.dispatch_many(daily)
    monkeypatch.setattr(claims, "settle", counted)
    jobs = ductape.jobs
    for verb in (jobs.pause_many, jobs.resume_many, jobs.cancel_many):
        sizes.clear()
        assert await verb({"product": "shop"}) == {"count": 300}
        assert sorted(sizes) == [100, 200]


async def test_recurring_jobs_are_paused_and_resumed_together(ductape: Ductape) -> None:
    batch = [{**JOB, **DAILY, "metadata": {"at": str(n)}} for n in range(3)] + [JOB]
    await ductape.processor.job.dispatch_many(batch)
    assert await ductape.jobs.pause_many({"product": "shop"}) == {"count": 3}
    assert len(await ductape.jobs.list(status="paused")) == 3
    assert await ductape.jobs.resume_many({"metadata": {"at": "1"}}) == {"count": 1}
    assert await ductape.jobs.pause_many({"recurring": False}) == {"count": 0}


async def test_failed_jobs_are_tried_again_together(ductape: Ductape) -> None:
    receipts = await ductape.processor.job.dispatch_many([{**JOB, "start_at": 0}] * 2)
    for receipt in receipts:
        with pytest.raises(Exception, match="not today"):
            await ductape.processor.job.wait(receipt["job_id"], timeout=10)
    assert await ductape.jobs.retry_many({"status": "failed"}) == {"count": 2}


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ({}, "filter"),
        ({"stauts": "failed"}, "filter.stauts"),
        ({"status": "done"}, "filter.status"),
        (None, "filter"),
    ],
)
async def test_a_filter_that_says_nothing_or_nonsense_changes_nothing(
    ductape: Ductape, where: dict[str, object], path: str
) -> None:
    receipt = await ductape.processor.job.dispatch(JOB)
    jobs = ductape.jobs
    for verb in (jobs.cancel_many, jobs.pause_many, jobs.resume_many, jobs.retry_many):
        with pytest.raises(ValidationError) as caught:
            await verb(where)
        assert caught.value.path == path
    assert (await ductape.jobs.get(receipt["job_id"]))["status"] == "scheduled"


@pytest.mark.parametrize("other", [{"input": {"other": 1}}, DAILY])
async def test_one_key_of_a_batch_is_no_two_jobs(
    ductape: Ductape, other: dict[str, object]
) -> None:
    keyed = {**JOB, "key": "report"}
    with pytest.raises(Conflict) as caught:
        await ductape.processor.job.dispatch_many([JOB, keyed, JOB, {**keyed, **other}])
    assert caught.value.path == "[3].key"
    assert "[1].key has it" in caught.value.message
    assert caught.value.job_id is None  # Nothing was stored: there is no such job.
    assert not await ductape.jobs.list()


async def test_a_key_that_a_stored_job_has_names_that_job(ductape: Ductape) -> None:
    stored = await ductape.processor.job.dispatch({**JOB, "key": "report"})
    changed = {**JOB, "key": "report", "input": {"other": 1}}
    with pytest.raises(Conflict) as caught:
        await ductape.processor.job.dispatch_many([JOB, changed])
    assert (caught.value.path, caught.value.job_id) == ("[1].key", stored["job_id"])


async def test_a_key_of_a_stored_recurrence_names_it_as_well(ductape: Ductape) -> None:
    keyed = {**JOB, **DAILY, "key": "report"}
    stored = await ductape.processor.job.dispatch(keyed)
    other = {**keyed, "event": "other"}
    with pytest.raises(Conflict) as caught:
        await ductape.processor.job.dispatch(other)
    assert (caught.value.path, caught.value.job_id) == ("key", stored["job_id"])
    with pytest.raises(Conflict) as caught:
        await ductape.processor.job.dispatch_many([JOB, other])
    assert (caught.value.path, caught.value.job_id) == ("[1].key", stored["job_id"])


async def test_one_key_of_a_batch_is_no_two_recurrences(ductape: Ductape) -> None:
    keyed = {**JOB, **DAILY, "key": "report"}
    with pytest.raises(Conflict) as caught:
        await ductape.processor.job.dispatch_many([keyed, {**keyed, "input": {"other": 1}}])
    assert caught.value.path == "[1].key"
    assert "[0].key has it" in caught.value.message
    assert not await ductape.jobs.list()
    first, second = await ductape.processor.job.dispatch_many([keyed, keyed])
    assert first["job_id"] == second["job_id"]
