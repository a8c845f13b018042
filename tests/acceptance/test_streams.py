"""Many jobs in one call: stored as they are made, and still all of them or none."""

from collections.abc import AsyncIterator

import pytest

from ductape import Ductape, Handlers, ValidationError
from ductape.services.intake.scheduling import MOST_REFUSED

PRODUCT = {"tag": "shop", "envs": [{"slug": "dev"}]}
JOB = {"product_tag": "shop", "env": "dev", "event": "work", "start_at": 0}
MANY = 150

handlers = Handlers()


@handlers.job("work")
async def work(given: dict[str, int]) -> int:
    return given["number"]


@pytest.fixture
async def ductape(store: str) -> AsyncIterator[Ductape]:
    """Open a store where such jobs have been made before."""
    async with Ductape.open(store, handlers=handlers, worker=False) as opened:
        await opened.products.apply(PRODUCT)
        await opened.processor.job.dispatch({**JOB, "input": {"number": -1}})
        yield opened


def numbered(count: int, **more: object) -> list[dict[str, object]]:
    return [{**JOB, "input": {"number": number}, **more} for number in range(count)]


async def stored(ductape: Ductape) -> int:
    """Count all jobs but the one from before."""
    [queue] = await ductape.queues.list()
    return queue["queued"] - 1


async def test_receipts_come_in_order(ductape: Ductape) -> None:
    receipts = await ductape.processor.job.dispatch_many(numbered(MANY))
    assert len({receipt["job_id"] for receipt in receipts}) == MANY
    for number in (0, 77, MANY - 1):
        record = await ductape.jobs.get(receipts[number]["job_id"])
        assert (record["input"], record["status"]) == ({"number": number}, "queued")
    assert await stored(ductape) == MANY


async def test_one_that_is_wrong_keeps_all_out(ductape: Ductape) -> None:
    batch = [*numbered(MANY), {**JOB, "input": {"number": 1}, "retries": -1}]
    with pytest.raises(ValidationError) as refusal:
        await ductape.processor.job.dispatch_many(batch)
    assert refusal.value.path == f"[{MANY}].retries"
    assert await stored(ductape) == 0


async def test_keys_and_other_shapes_are_heeded(ductape: Ductape) -> None:
    batch = [*numbered(MANY, priority=3), *numbered(MANY), {**JOB, "input": {}, "key": "one"}]
    first = await ductape.processor.job.dispatch_many(batch)
    again = await ductape.processor.job.dispatch_many(batch)
    assert await stored(ductape) == 4 * MANY + 1
    assert first[-1]["job_id"] == again[-1]["job_id"]


async def test_a_product_that_another_process_has_changed_is_looked_at_anew(
    ductape: Ductape, store: str
) -> None:
    async with Ductape.open(store) as other:
        await other.products.apply({"tag": "shop", "envs": [{"slug": "live"}]})
    with pytest.raises(ValidationError) as refusal:
        await ductape.processor.job.dispatch_many(numbered(MANY))
    assert refusal.value.path == "[0].env"
    assert {fault.get("code") for fault in refusal.value.errors} == {"NOT_FOUND"}
    assert len(refusal.value.errors) == MOST_REFUSED
    assert await stored(ductape) == 0
