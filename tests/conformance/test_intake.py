"""What every store must do with new jobs: durable on return, all of a batch or none of it."""

import asyncio

from msgspec.structs import replace

from ductape.domain.job import Attempt, Progress
from ductape.domain.outcome import StoredError
from ductape.domain.request import Repeat, RetryPolicy
from ductape.ports.stores import Store
from ductape.ports.stores.intake import Added, NewJob
from ductape.ports.stores.reading import JobFilter
from tests.builders import NOW_MS, a_new_job, a_recurring_job, a_run, a_session, a_spec
from tests.conformance.conftest import OpenAgain
from tests.conformance.steps import claimed_ids, hired, live, record, schedule, stored

A_RICH_SPEC = a_spec(
    app="crm",
    needs="job:ship",
    input={"naïve ☃": [1, 2.5, None, {"deep": True}], "$Session{a}": "$$"},
    retries=3,
    cache="quotes",
    session=a_session(),
    retry=RetryPolicy(initial_delay_ms=5, jitter=False, retryable=("NOT_FOUND",)),
    timeout_ms=7,
    expires_at_ms=NOW_MS + 9,
    priority=-100,
    queue="slow",
    on_lost="fail",
    metadata={"team": "blue"},
)


async def test_a_job_is_there_for_whoever_opens_the_store_next(
    store: Store, open_again: OpenAgain
) -> None:
    [job_id] = await stored(store, a_new_job())
    assert (await record(await open_again(), job_id)).status == "queued"


async def test_a_job_outlives_the_close_of_the_store(store: Store, open_again: OpenAgain) -> None:
    [job_id] = await stored(store, a_new_job())
    await store.aclose()
    assert (await record(await open_again(), job_id)).status == "queued"


async def test_a_run_comes_back_as_it_was_stored(store: Store) -> None:
    job = a_new_job(A_RICH_SPEC, due_ms=NOW_MS + 5)
    await stored(store, job)
    assert await live(store, job.job_id) == job.run


async def test_a_run_with_a_past_comes_back_as_it_was_stored(store: Store) -> None:
    error = StoredError(code="ODD", message="no", type="Odd", at=1, traceback="line 1")
    run = a_run(
        number=4,
        fence=7,
        attempts=(Attempt(1, NOW_MS, NOW_MS + 1, "failed", "w9", error),),
        failures=1,
        losses=2,
        extra=True,
        checkpoint={"sent": ["email"]},
        progress=Progress(1.5, 3, "half"),
        first_started_at_ms=NOW_MS,
    )
    await stored(store, NewJob(job_id=run.job_id, spec=run.spec, run=run))
    assert await live(store, run.job_id) == run


async def test_a_recurrence_comes_back_as_it_was_stored(store: Store) -> None:
    job = a_recurring_job(a_spec(repeat=Repeat(cron="0 9 * * 1", tz="Europe/Amsterdam", limit=9)))
    await stored(store, job)
    assert await schedule(store, job.job_id) == job.schedule
    assert await live(store, job.job_id) == job.run


async def test_a_recurrence_that_starts_ended_has_no_run(store: Store) -> None:
    job = a_recurring_job(a_spec(repeat=Repeat(every_ms=1_000, end_at_ms=NOW_MS - 1)))
    await stored(store, job)
    found = await record(store, job.job_id)
    assert (found.status, found.live) == ("completed", None)


async def test_a_batch_is_answered_in_order(store: Store) -> None:
    jobs = [a_new_job(), a_recurring_job(), a_new_job(a_spec(key="a"))]
    answers = await store.intake.add(jobs, now_ms=NOW_MS)
    assert answers == [Added("added", job.job_id) for job in jobs]


async def test_nothing_of_nothing_is_stored(store: Store) -> None:
    assert await store.intake.add([], now_ms=NOW_MS) == []


async def test_a_batch_with_a_conflict_stores_nothing_of_it(store: Store) -> None:
    await stored(store, a_new_job(a_spec(key="a")))
    batch = [a_new_job(), a_recurring_job(), a_new_job(a_spec(key="a"), digest=b"other")]
    answers = await store.intake.add(batch, now_ms=NOW_MS)
    assert answers[2].verdict == "conflict"
    assert [await store.reading.get(job.job_id) for job in batch] == [None, None, None]


async def test_a_batch_with_a_conflict_takes_no_key(store: Store) -> None:
    await stored(store, a_new_job(a_spec(key="a")))
    batch = [a_new_job(a_spec(key="b")), a_new_job(a_spec(key="a"), digest=b"other")]
    await store.intake.add(batch, now_ms=NOW_MS)
    assert await store.intake.holder("orders", "prd", "b") is None


async def test_a_key_twice_in_one_batch_is_one_job(store: Store) -> None:
    first, second = a_new_job(a_spec(key="a")), a_new_job(a_spec(key="a"))
    answers = await store.intake.add([first, second], now_ms=NOW_MS)
    assert answers == [Added("added", first.job_id), Added("existing", first.job_id)]
    assert await store.reading.get(second.job_id) is None


async def test_a_batch_that_fails_leaves_its_neighbours_alone(store: Store) -> None:
    [taken] = await stored(store, a_new_job())
    good = [a_new_job() for _ in range(5)]
    bad = [a_new_job(), a_new_job(id=taken)]
    results = await asyncio.gather(
        *(store.intake.add([job], now_ms=NOW_MS) for job in good[:3]),
        store.intake.add(bad, now_ms=NOW_MS),
        *(store.intake.add([job], now_ms=NOW_MS) for job in good[3:]),
        return_exceptions=True,
    )
    assert [isinstance(result, Exception) for result in results] == [
        *[False] * 3,
        True,
        *[False] * 2,
    ]
    assert await store.reading.get(bad[0].job_id) is None
    assert all([await store.reading.get(job.job_id) for job in good])


async def test_a_hundred_callers_at_once_each_get_their_own_job(store: Store) -> None:
    jobs = [a_new_job() for _ in range(100)]
    answers = await asyncio.gather(*(store.intake.add([job], now_ms=NOW_MS) for job in jobs))
    assert [answer.job_id for [answer] in answers] == [job.job_id for job in jobs]
    found = await store.reading.many(JobFilter(), limit=200, before=None)
    assert len(found) == 100


async def test_a_caller_that_went_away_leaves_its_job_whole_or_not_at_all(store: Store) -> None:
    job = a_recurring_job(a_spec(key="a", repeat=Repeat(every_ms=1_000)))
    caller = asyncio.ensure_future(store.intake.add([job], now_ms=NOW_MS))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait([caller])
    await stored(store, a_new_job())
    found = await store.reading.get(job.job_id)
    held = await store.intake.holder("orders", "prd", "a")
    assert (found is None) == (held is None)
    assert found is None or found.live == job.run


async def test_a_run_may_be_stored_in_the_hands_of_its_caller(store: Store) -> None:
    await hired(store, "w1")
    run = a_run(state="running", worker="w1", fence=1, started_at_ms=NOW_MS)
    await stored(store, NewJob(job_id=run.job_id, spec=run.spec, run=run))
    assert await claimed_ids(store) == []
    assert (await record(store, run.job_id)).status == "running"


async def test_a_job_resolved_against_an_old_product_is_told_so_and_stores_nothing(
    store: Store,
) -> None:
    await store.products.put("orders", {"tag": "orders"}, b"d", after=0, now_ms=NOW_MS)
    await store.products.put("orders", {"tag": "orders"}, b"e", after=1, now_ms=NOW_MS)
    current, old = (replace(a_new_job(), product_version=version) for version in (2, 1))
    answers = await store.intake.add([current, old], now_ms=NOW_MS)
    assert [answer.verdict for answer in answers] == ["moved", "moved"]
    assert await store.reading.get(current.job_id) is None
    await stored(store, current)
