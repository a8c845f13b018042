"""`ductape.transaction()`: the caller's rows and the jobs in one transaction, on each store."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ductape import Ductape, ValidationError
from tests.acceptance.orders import JOB, PRODUCT, handlers, ordered, shop, stored


@pytest.fixture
async def ductape(store: str) -> AsyncIterator[Ductape]:
    async with shop(store) as opened:
        yield opened


def insert(number: int) -> str:
    """Write a statement; how it takes parameters is each store's own."""
    return f"INSERT INTO orders VALUES ({number:d})"  # noqa: S608 (a number)


async def test_rows_and_jobs_are_there_at_the_end_of_the_block_and_not_before(
    ductape: Ductape,
) -> None:
    async with ductape.transaction() as tx:
        await tx.execute(insert(1))
        await tx.execute(insert(2))
        receipt = await ductape.processor.job.dispatch(JOB, transaction=tx)
        assert await stored(ductape) == set()
        assert await tx.execute("SELECT id FROM orders WHERE id > 1") == [(2,)]
    assert (await stored(ductape), await ordered(ductape)) == ({receipt["job_id"]}, [1, 2])


async def test_an_exception_undoes_both(ductape: Ductape) -> None:
    daily = {**JOB, "repeat": {"every": 86_400_000}}
    jobs = [JOB, {**JOB, "key": "a"}, daily, {**daily, "key": "b"}]

    async def block() -> None:
        async with ductape.transaction() as tx:
            await tx.execute(insert(1))
            await ductape.processor.job.dispatch_many(jobs, transaction=tx)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        await block()
    assert (await stored(ductape), await ordered(ductape)) == (set(), [])


async def test_a_cancelled_block_is_undone(ductape: Ductape) -> None:
    inside = asyncio.Event()

    async def block() -> None:
        async with ductape.transaction() as tx:
            await tx.execute(insert(1))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ordered(ductape) == []


async def test_the_same_request_twice_in_a_block_is_one_job(ductape: Ductape) -> None:
    keyed = {**JOB, "key": "a", "repeat": {"every": 86_400_000}}
    async with ductape.transaction() as tx:
        first = await ductape.processor.job.dispatch(keyed, transaction=tx)
        again = await ductape.processor.job.dispatch(keyed, transaction=tx)
        changed = {**keyed, "repeat": {"every": 604_800_000}}
        third = await ductape.processor.job.dispatch(changed, transaction=tx)
    assert first["job_id"] == again["job_id"] == third["job_id"]
    assert (await ductape.jobs.get(first["job_id"]))["every"] == 604_800_000


async def test_a_worker_takes_the_job_at_once(store: str) -> None:
    async with Ductape.open(store, handlers=handlers, worker=True) as ductape:
        await ductape.products.apply(PRODUCT)
        async with ductape.transaction() as tx:
            receipt = await ductape.processor.job.dispatch(JOB, transaction=tx)
        assert await ductape.processor.job.wait(receipt["job_id"], timeout=0.9) == 1


async def test_the_callers_savepoints_are_their_own(ductape: Ductape) -> None:
    async with ductape.transaction() as tx:
        await tx.execute("SAVEPOINT mine")
        await ductape.processor.job.dispatch(JOB, transaction=tx)
        await tx.execute(insert(1))
        await tx.execute("ROLLBACK TO mine")
        await tx.execute(insert(2))
    assert (await stored(ductape), await ordered(ductape)) == (set(), [2])


async def test_after_its_end_a_transaction_is_of_no_use(ductape: Ductape) -> None:
    async with ductape.transaction() as tx:
        await tx.execute("SELECT 1")
    for call in (tx.execute("SELECT 1"), ductape.processor.job.dispatch(JOB, transaction=tx)):
        with pytest.raises(ValidationError, match="found one that has ended"):
            await call
