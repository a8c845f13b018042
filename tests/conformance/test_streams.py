"""What every store must do with jobs that are made while they are stored."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from ductape.ports.stores import Store
from ductape.ports.stores.intake import NewJob
from tests.builders import NOW_MS, a_new_job
from tests.conformance.conftest import OpenAgain
from tests.conformance.steps import claimed_ids, hired, stored

MANY = 300


class Unfit(Exception):
    """Raised in the middle by whoever makes the jobs."""


async def test_all_of_a_stream_are_there_for_whoever_opens_the_store_next(
    store: Store, open_again: OpenAgain
) -> None:
    jobs = [a_new_job() for _ in range(MANY)]
    assert await store.intake.add_stream("orders", lambda: iter(jobs), now_ms=NOW_MS)
    other = await open_again()
    await hired(other, "w1")
    found: set[str] = set()
    while taken := await claimed_ids(other):
        found |= set(taken)
    assert found == {job.job_id for job in jobs}


async def test_what_is_told_of_a_job_is_stored_with_it(store: Store) -> None:
    telling = a_new_job()
    assert telling.run is not None
    job = replace(a_new_job(), also=(telling.run,))
    assert await store.intake.add_stream("orders", lambda: [job], now_ms=NOW_MS)
    await hired(store, "w1")
    assert set(await claimed_ids(store)) == {job.job_id, telling.job_id}


async def test_nothing_is_stored_where_making_them_fails(store: Store) -> None:
    def jobs() -> Iterator[NewJob]:
        yield from (a_new_job() for _ in range(MANY))
        raise Unfit

    with pytest.raises(Unfit):
        await store.intake.add_stream("orders", jobs, now_ms=NOW_MS)
    await hired(store, "w1")
    assert await claimed_ids(store) == []
    [job_id] = await stored(store, a_new_job())  # the store goes on
    assert await claimed_ids(store) == [job_id]


async def test_nothing_is_stored_where_the_product_has_moved_on(store: Store) -> None:
    jobs = [replace(a_new_job(), product_version=7) for _ in range(3)]
    assert not await store.intake.add_stream("orders", lambda: iter(jobs), now_ms=NOW_MS)
    await hired(store, "w1")
    assert await claimed_ids(store) == []
