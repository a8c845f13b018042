"""Jobs in a lent transaction: there at its end, or never; whatever is refused leaves it usable."""

import pytest
from msgspec.structs import replace

from ductape.errors import ValidationError
from ductape.ports.stores import Store
from tests.builders import NOW_MS, a_new_job, a_recurring_job, a_spec


async def test_a_job_is_there_at_the_end_of_the_transaction_and_not_before(store: Store) -> None:
    plain, keyed = a_new_job(), a_new_job(a_spec(key="a"))
    recurring = a_recurring_job(twin=b"twin")
    jobs = [plain, keyed, recurring]
    async with store.transactions.lend() as tx:
        answers = await store.intake.add(jobs, now_ms=NOW_MS, transaction=tx)
        assert [answer.verdict for answer in answers] == ["added"] * 3
        assert [await store.reading.get(job.job_id) for job in jobs] == [None] * 3
    assert None not in [await store.reading.get(job.job_id) for job in jobs]


async def test_a_job_is_never_there_after_an_exception(store: Store) -> None:
    job = a_new_job(a_spec(key="a"))

    async def block() -> None:
        async with store.transactions.lend() as tx:
            await store.intake.add([job], now_ms=NOW_MS, transaction=tx)
            raise LookupError

    with pytest.raises(LookupError):
        await block()
    assert await store.reading.get(job.job_id) is None
    assert await store.intake.holder("orders", "prd", "a") is None


async def test_the_transaction_sees_its_own_jobs(store: Store) -> None:
    job = a_new_job(a_spec(key="a"))
    async with store.transactions.lend() as tx:
        await store.intake.add([job], now_ms=NOW_MS, transaction=tx)
        holder = await store.intake.holder("orders", "prd", "a", transaction=tx)
        record = await store.reading.get(job.job_id, transaction=tx)
        assert holder is not None
        assert record is not None
        assert (holder.job_id, record.spec) == (job.job_id, job.spec)
        assert await store.intake.holder("orders", "prd", "a") is None


async def test_a_conflict_stores_nothing_of_its_batch_and_leaves_the_rest(store: Store) -> None:
    first, other = a_new_job(a_spec(key="a")), a_new_job(a_spec(key="a"), digest=b"other")
    before, beside, after = a_new_job(), a_new_job(), a_new_job()
    async with store.transactions.lend() as tx:
        await store.intake.add([first, before], now_ms=NOW_MS, transaction=tx)
        answers = await store.intake.add([beside, other], now_ms=NOW_MS, transaction=tx)
        assert answers[1].verdict == "conflict"
        await store.intake.add([after], now_ms=NOW_MS, transaction=tx)
    found = [await store.reading.get(job.job_id) for job in (first, before, after)]
    assert None not in found
    assert await store.reading.get(beside.job_id) is None


async def test_a_job_resolved_against_a_version_that_is_gone_is_told_so(store: Store) -> None:
    for at in range(2):
        await store.products.put("orders", {"at": at}, b"d", after=at, now_ms=NOW_MS)
    old = replace(a_new_job(), product_version=1)
    async with store.transactions.lend() as tx:
        [answer] = await store.intake.add([old], now_ms=NOW_MS, transaction=tx)
    assert answer.verdict == "moved"
    assert await store.reading.get(old.job_id) is None


async def test_many_transactions_follow_one_another(store: Store) -> None:
    jobs = [a_new_job() for _ in range(5)]
    for job in jobs:
        async with store.transactions.lend() as tx:
            await store.intake.add([job], now_ms=NOW_MS, transaction=tx)
    await store.intake.add([a_new_job()], now_ms=NOW_MS)
    assert None not in [await store.reading.get(job.job_id) for job in jobs]


async def test_what_is_no_transaction_is_refused_by_every_call(store: Store) -> None:
    calls = (
        store.intake.add([a_new_job()], now_ms=NOW_MS, transaction=object()),
        store.intake.holder("orders", "prd", "a", transaction=object()),
        store.reading.get("a", transaction=object()),
    )
    for call in calls:
        with pytest.raises(ValidationError) as caught:
            await call
        assert caught.value.path == "transaction"


async def test_a_transaction_is_of_no_use_after_its_end(store: Store) -> None:
    async with store.transactions.lend() as tx:
        assert await tx.execute("SELECT 1") == [(1,)]
    with pytest.raises(ValidationError, match="has ended"):
        await store.intake.add([a_new_job()], now_ms=NOW_MS, transaction=tx)
