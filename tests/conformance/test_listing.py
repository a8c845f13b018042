"""What every store must do when jobs are listed: every filter, and pages without gap or repeat."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from ductape.domain.operations import cancel
from ductape.domain.outcome import Success
from ductape.domain.request import JobEventTypes, Repeat
from ductape.ports.stores import Store
from ductape.ports.stores.intake import NewJob
from ductape.ports.stores.reading import JobFilter
from tests.builders import (
    NOW_MS,
    ZONES,
    a_new_job,
    a_recurring_job,
    a_session,
    a_spec,
    a_wish,
    an_id,
)
from tests.conformance.steps import applied, claimed, hired, record, settled, stored

MINUTELY = Repeat(every_ms=60_000)
ODD = a_spec(
    product="shop",
    env="dev",
    event="Bill_Customer",
    kind=JobEventTypes.ACTION,
    key="Order-7%",
    queue="slow",
    session=a_session("login", "ada"),
    metadata={"team": "blue", "city": "Köln"},
)
PLAIN = a_spec(session=a_session("api", "bob"), metadata={"team": "red"})

EVERY_FILTER = [
    JobFilter(kind="action"),
    JobFilter(product="shop"),
    JobFilter(env="dev"),
    JobFilter(event="Bill_Customer"),
    JobFilter(queue="slow"),
    JobFilter(session_tag="login"),
    JobFilter(session_user="ada"),
    JobFilter(session_tag="login", session_user="ada"),
    JobFilter(metadata={"team": "blue"}),
    JobFilter(metadata={"team": "blue", "city": "Köln"}),
    JobFilter(q="bill_customer"),
    JobFilter(q="ORDER-7%"),
    JobFilter(product="shop", env="dev", kind="action", queue="slow", q="bill"),
]
NO_MATCH = [
    JobFilter(product="shop", env="prd"),
    JobFilter(session_tag="login", session_user="bob"),
    JobFilter(metadata={"team": "blue", "city": "Bonn"}),
    JobFilter(metadata={"blue": "team"}),
    JobFilter(q="order_7"),
    JobFilter(q="blue"),
    JobFilter(kind="storage"),
]


async def ids(
    store: Store, where: JobFilter, *, limit: int = 1_000, before: str | None = None
) -> list[str]:
    return [one.job_id for one in await store.reading.many(where, limit=limit, before=before)]


async def pages(store: Store, where: JobFilter, size: int) -> AsyncIterator[list[str]]:
    """Go through a list page by page."""
    before: str | None = None
    while page := await ids(store, where, limit=size, before=before):
        yield page
        before = page[-1]


async def of_every_sort(store: Store) -> list[str]:
    """Store jobs that wait, run, recur and have ended, mingled; return their ids in order."""
    await hired(store, "w1")
    made: list[str] = []
    for at in range(24):
        spec = a_spec(queue=f"q{at % 4}", repeat=MINUTELY if at % 3 == 2 else None)
        job = a_recurring_job(spec) if spec.repeat is not None else a_new_job(spec)
        made += await stored(store, job)
    for claim in await claimed(store, a_wish(queues=("q0", "q1"))):
        if claim.run.spec.queue == "q0":
            await settled(store, claim, Success(1))
    read = await record(store, made[2])
    await applied(store, cancel(read, None, run_only=False, now_ms=NOW_MS, zones=ZONES))
    return made


async def test_all_jobs_are_listed_newest_first(store: Store) -> None:
    made = await of_every_sort(store)
    assert await ids(store, JobFilter()) == made[::-1]


@pytest.mark.parametrize("size", [1, 5, 24, 100])
async def test_pages_have_neither_gap_nor_repeat(store: Store, size: int) -> None:
    made = await of_every_sort(store)
    found = [job_id async for page in pages(store, JobFilter(), size) for job_id in page]
    assert found == made[::-1]


async def test_pages_of_a_filter_have_neither_gap_nor_repeat(store: Store) -> None:
    made = await of_every_sort(store)
    where = JobFilter(queue="q3")
    found = [job_id async for page in pages(store, where, 2) for job_id in page]
    assert found == made[3::4][::-1]


async def test_jobs_that_come_in_between_two_pages_do_not_shift_the_second(store: Store) -> None:
    made = await of_every_sort(store)
    first = await ids(store, JobFilter(), limit=10)
    await stored(store, a_new_job(), a_recurring_job())
    second = await ids(store, JobFilter(), limit=10, before=first[-1])
    assert first + second == made[::-1][:20]


async def test_each_status_lists_its_jobs_and_all_of_them_together_list_every_job(
    store: Store,
) -> None:
    made = await of_every_sort(store)
    found: list[str] = []
    for status in ("scheduled", "queued", "running", "completed", "failed", "cancelled", "paused"):
        listed = await store.reading.many(JobFilter(status=status), limit=99, before=None)
        assert {one.status for one in listed} <= {status}
        found += [one.job_id for one in listed]
    assert sorted(found) == made


async def test_what_is_due_is_queued_also_where_no_worker_has_looked(store: Store) -> None:
    again = a_recurring_job(start_ms=NOW_MS + 5)
    later = NOW_MS if again.run is None else again.run.due_at_ms
    made = await stored(store, a_new_job(due_ms=later), again)
    assert later > NOW_MS
    for now_ms, then in ((later - 1, "scheduled"), (later, "queued")):
        for status in ("scheduled", "queued"):
            listed = await ids(store, JobFilter(status=status, now_ms=now_ms))
            assert sorted(listed) == (sorted(made) if status == then else [])
        for job_id in made:
            assert (await record(store, job_id)).status_at(now_ms) == then


async def in_every_table(store: Store, one: NewJob, two: NewJob, three: NewJob) -> list[str]:
    """Store a job that waits, one that has ended, and a recurring one."""
    await hired(store, "w1")
    await stored(store, two)
    [claim] = await claimed(store)
    await settled(store, claim, Success(1))
    await stored(store, one, three)
    return [three.job_id, two.job_id, one.job_id]


@pytest.mark.parametrize("where", EVERY_FILTER)
async def test_a_filter_finds_its_jobs_wherever_they_are_kept(
    store: Store, where: JobFilter
) -> None:
    keys = [f"Order-7%{at}" for at in range(3)]
    odd = [replace(ODD, key=key) for key in keys]
    recurring = replace(odd[2], repeat=MINUTELY)
    expected = await in_every_table(
        store, a_new_job(odd[0]), a_new_job(odd[1]), a_recurring_job(recurring)
    )
    await stored(store, a_new_job(PLAIN), a_recurring_job(replace(PLAIN, repeat=MINUTELY)))
    assert sorted(await ids(store, where)) == sorted(expected)


@pytest.mark.parametrize("where", NO_MATCH)
async def test_a_filter_finds_nothing_else(store: Store, where: JobFilter) -> None:
    await stored(store, a_new_job(ODD), a_new_job(PLAIN), a_new_job())
    assert await ids(store, where) == []


async def test_text_is_found_in_the_id(store: Store) -> None:
    job_id, _ = await stored(store, a_new_job(), a_new_job())
    assert await ids(store, JobFilter(q=job_id[4:].upper())) == [job_id]


async def test_recurring_jobs_are_told_from_one_off_jobs(store: Store) -> None:
    waits, ended, recurs = a_new_job(), a_new_job(), a_recurring_job()
    await in_every_table(store, waits, ended, recurs)
    assert await ids(store, JobFilter(recurring=True)) == [recurs.job_id]
    one_off = sorted([waits.job_id, ended.job_id], reverse=True)
    assert await ids(store, JobFilter(recurring=False)) == one_off


async def test_jobs_are_listed_by_when_they_were_created(store: Store) -> None:
    made = [an_id(NOW_MS + at) for at in range(5)]
    await stored(store, *(a_new_job(id=job_id) for job_id in made))
    where = JobFilter(from_ms=NOW_MS + 1, to_ms=NOW_MS + 4)
    assert await ids(store, where) == made[3:0:-1]
    assert await ids(store, where, before=made[2]) == [made[1]]
    assert await ids(store, JobFilter(to_ms=NOW_MS), before=made[4]) == []


async def test_a_listed_job_is_whole(store: Store) -> None:
    made = await of_every_sort(store)
    for one in await store.reading.many(JobFilter(), limit=99, before=None):
        assert one == await store.reading.get(one.job_id)
    assert len(made) == 24
