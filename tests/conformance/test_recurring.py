"""What every store must do with recurring jobs: one step ends a run and brings the next."""

import asyncio

import pytest
from msgspec.structs import replace

from ductape.domain.operations import cancel, extra_run, pause, resume, retry
from ductape.domain.outcome import Cancelled, Lost, Outcome, Success
from ductape.domain.request import OnFailure, Repeat
from ductape.domain.views import job_view
from ductape.ports.stores import Store
from tests.builders import (
    NOW_MS,
    ZONES,
    a_failure,
    a_new_job,
    a_recurring_job,
    a_spec,
    decide,
)
from tests.conformance.steps import (
    applied,
    claimed,
    claimed_one,
    hired,
    last,
    live,
    record,
    schedule,
    settled,
    stored,
)

EVERY_MS = 1_000


async def a_recurrence(store: Store, *, retries: int = 0, limit: int | None = None) -> str:
    """Hire a worker and store a job that is due now and every second."""
    await hired(store, "w1")
    repeat = Repeat(every_ms=EVERY_MS, limit=limit)
    [job_id] = await stored(store, a_recurring_job(a_spec(repeat=repeat, retries=retries)))
    return job_id


@pytest.mark.parametrize("outcome", [Success(1), a_failure("NOT_FOUND")])
async def test_the_end_of_a_run_brings_the_next_one(store: Store, outcome: Outcome) -> None:
    job_id = await a_recurrence(store)
    await settled(store, await claimed_one(store), outcome)
    run = await live(store, job_id)
    assert (run.number, run.state, run.scheduled_at_ms) == (2, "scheduled", NOW_MS + EVERY_MS)
    assert [done.number for done in await store.reading.history(job_id, limit=9)] == [1]


async def test_a_retry_is_no_new_occurrence(store: Store) -> None:
    job_id = await a_recurrence(store, retries=1)
    await settled(store, await claimed_one(store), a_failure())
    assert (await live(store, job_id)).number == 1
    assert (await schedule(store, job_id)).version == 1


async def test_a_lost_run_is_no_new_occurrence(store: Store) -> None:
    job_id = await a_recurrence(store)
    await settled(store, await claimed_one(store), Lost("dead"))
    assert (await live(store, job_id)).number == 1
    assert (await schedule(store, job_id)).executions == 0


async def test_every_occurrence_is_counted_once(store: Store) -> None:
    job_id = await a_recurrence(store)
    for at in range(4):
        now_ms = NOW_MS + at * EVERY_MS
        outcome: Outcome = Success(at) if at % 2 else a_failure()
        await settled(store, await claimed_one(store, now_ms=now_ms), outcome, now_ms=now_ms)
    found = await schedule(store, job_id)
    assert (found.occurrences, found.executions, found.failed) == (4, 4, 2)
    assert found.watermark_ms == NOW_MS + 3 * EVERY_MS


async def test_the_last_of_a_limited_recurrence_ends_it(store: Store) -> None:
    job_id = await a_recurrence(store, limit=1)
    await settled(store, await claimed_one(store), Success("only"))
    found = await record(store, job_id)
    assert (found.status, found.live) == ("completed", None)
    assert (await last(store, job_id)).result == "only"


async def test_a_run_that_ends_twice_brings_one_next_run(store: Store) -> None:
    job_id = await a_recurrence(store)
    claim = await claimed_one(store)
    ends = [decide(claim, Success(at), NOW_MS) for at in range(10)]
    answers = await asyncio.gather(*(store.claims.settle([e], now_ms=NOW_MS) for e in ends))
    assert sorted(answer for [answer] in answers) == ["recorded"] + ["stale"] * 9
    assert (await schedule(store, job_id)).next_number == 3
    assert len(await claimed(store, now_ms=NOW_MS + EVERY_MS)) == 1


async def test_occurrences_that_end_together_are_moved_on_each_by_itself(store: Store) -> None:
    await hired(store, "w1")
    each_second = a_spec(repeat=Repeat(every_ms=EVERY_MS))
    jobs = await stored(store, *(a_recurring_job(each_second) for _ in range(4)), a_new_job())
    claims = {claim.run.job_id: claim for claim in await claimed(store)}
    good, changed, lost, other, plain = (claims[job_id] for job_id in jobs)
    await applied(store, pause(await record(store, jobs[1]), now_ms=NOW_MS, zones=ZONES))
    await settled(store, lost, Lost("dead"))
    ends = [decide(one, Success(1), NOW_MS) for one in (good, changed, lost, other, plain, good)]
    answers = await store.claims.settle(ends, now_ms=NOW_MS)
    assert answers == ["recorded", "stale", "fenced", "recorded", "recorded", "stale"]
    for job_id in (jobs[0], jobs[3]):
        assert (await live(store, job_id)).scheduled_at_ms == NOW_MS + EVERY_MS
        assert (await schedule(store, job_id)).executions == 1
    for job_id in jobs[1:3]:
        assert (await live(store, job_id)).number == 1
        assert (await schedule(store, job_id)).executions == 0


async def test_a_pause_takes_the_waiting_run_away(store: Store) -> None:
    job_id = await a_recurrence(store)
    await applied(store, pause(await record(store, job_id), now_ms=NOW_MS, zones=ZONES))
    assert (await record(store, job_id)).live is None
    assert await claimed(store) == []


async def test_a_pause_while_it_runs_lets_the_run_end_and_brings_no_next_one(store: Store) -> None:
    job_id = await a_recurrence(store)
    claim = await claimed_one(store)
    await applied(store, pause(await record(store, job_id), now_ms=NOW_MS, zones=ZONES))
    found = await record(store, job_id)
    assert (found.status, found.live) == ("paused", claim.run)
    again = await settled_again(store, job_id)
    assert again == ("paused", None, "completed")


async def settled_again(store: Store, job_id: str) -> tuple[str, object, str]:
    """Settle what runs with the recurrence as it is by now; tell how the job looks."""
    [claim] = await store.fleet.lost(now_ms=NOW_MS + 10_000_000, limit=9)
    assert await settled(store, claim, Success(1)) == "recorded"
    found = await record(store, job_id)
    return found.status, found.live, (await last(store, job_id)).outcome


async def test_a_resumed_recurrence_goes_on_with_its_grid(store: Store) -> None:
    job_id = await a_recurrence(store)
    await applied(store, pause(await record(store, job_id), now_ms=NOW_MS, zones=ZONES))
    later = NOW_MS + 10 * EVERY_MS + 1
    await applied(store, resume(await record(store, job_id), now_ms=later, zones=ZONES))
    assert (await live(store, job_id)).scheduled_at_ms == NOW_MS + 11 * EVERY_MS


async def test_of_many_that_resume_at_once_one_makes_the_run(store: Store) -> None:
    job_id = await a_recurrence(store)
    await applied(store, pause(await record(store, job_id), now_ms=NOW_MS, zones=ZONES))
    plan = resume(await record(store, job_id), now_ms=NOW_MS, zones=ZONES)
    assert plan is not None
    answers = await asyncio.gather(*(store.claims.settle([plan], now_ms=NOW_MS) for _ in range(9)))
    assert sorted(answer for [answer] in answers) == ["recorded"] + ["stale"] * 8


async def test_a_cancelled_recurrence_has_no_further_run(store: Store) -> None:
    job_id = await a_recurrence(store)
    read = await record(store, job_id)
    await applied(store, cancel(read, "enough", run_only=False, now_ms=NOW_MS, zones=ZONES))
    found = await record(store, job_id)
    assert (found.status, found.live) == ("cancelled", None)
    assert await store.upkeep.orphans(limit=9) == []


async def test_a_cancelled_run_is_followed_by_the_next_occurrence(store: Store) -> None:
    job_id = await a_recurrence(store)
    read = await record(store, job_id)
    await applied(store, cancel(read, "skip", run_only=True, now_ms=NOW_MS, zones=ZONES))
    assert (await live(store, job_id)).scheduled_at_ms == NOW_MS + EVERY_MS
    assert (await last(store, job_id)).outcome == "cancelled"


async def test_a_running_run_that_was_asked_to_stop_is_followed_all_the_same(
    store: Store,
) -> None:
    job_id = await a_recurrence(store, retries=5)
    claim = await claimed_one(store)
    await store.claims.ask_cancel(job_id, 1, reason=None)
    assert await settled(store, claim, a_failure()) == "recorded"
    assert (await last(store, job_id)).outcome == "cancelled"
    assert (await live(store, job_id)).number == 2


async def test_an_extra_run_goes_ahead_of_the_waiting_one_and_moves_no_instant(
    store: Store,
) -> None:
    job_id = await a_recurrence(store)
    await settled(store, await claimed_one(store), Success(1))
    await applied(store, extra_run(await record(store, job_id), now_ms=NOW_MS, zones=ZONES))
    extra = await claimed_one(store)
    assert extra.run.extra
    await settled(store, extra, Success(2))
    found = await record(store, job_id)
    assert found.live is not None
    assert (found.live.scheduled_at_ms, found.live.extra) == (NOW_MS + EVERY_MS, False)
    assert found.schedule is not None
    assert (found.schedule.occurrences, found.schedule.executions) == (1, 2)


async def test_an_extra_run_waits_for_the_one_under_way(store: Store) -> None:
    job_id = await a_recurrence(store)
    claim = await claimed_one(store)
    await applied(store, extra_run(await record(store, job_id), now_ms=NOW_MS, zones=ZONES))
    assert await live(store, job_id) == claim.run
    assert await settled_again(store, job_id) is not None
    assert (await live(store, job_id)).extra


async def test_a_recurrence_that_cannot_be_computed_is_kept_with_its_fault(store: Store) -> None:
    await hired(store, "w1")
    job = a_recurring_job()
    await stored(store, job)
    claim = await claimed_one(store)
    assert claim.schedule is not None
    broken = a_spec(repeat=Repeat(cron="0 9 * * *", tz="Nowhere/Atall"))
    odd = replace(claim, schedule=replace(claim.schedule, spec=broken))
    assert await settled(store, odd, Success(1)) == "recorded"
    found = await schedule(store, job.job_id)
    assert found.fault is not None
    assert (await record(store, job.job_id)).live is None
    assert await store.upkeep.orphans(limit=9) == []


async def test_a_cancelled_recurrence_is_not_revived_though_it_had_a_fault(store: Store) -> None:
    job = a_recurring_job(twin=b"t")
    assert job.schedule is not None
    await stored(store, replace(job, run=None, schedule=replace(job.schedule, fault="odd")))
    read = await record(store, job.job_id)
    await applied(store, cancel(read, None, run_only=False, now_ms=NOW_MS, zones=ZONES))
    assert resume(await record(store, job.job_id), now_ms=NOW_MS, zones=ZONES) is None


async def test_a_quarantined_recurrence_goes_on_when_it_is_resumed(store: Store) -> None:
    job = a_recurring_job()
    assert job.schedule is not None
    await stored(store, replace(job, run=None, schedule=replace(job.schedule, fault="odd")))
    await applied(store, resume(await record(store, job.job_id), now_ms=NOW_MS, zones=ZONES))
    found = await schedule(store, job.job_id)
    assert (found.fault, found.state) == (None, "active")
    assert (await live(store, job.job_id)).state == "queued"


@pytest.mark.parametrize(
    ("on_failure", "status"), [("continue", "scheduled"), ("stop", "failed"), ("pause", "paused")]
)
async def test_a_run_that_fails_for_good_does_to_the_recurrence_what_was_asked(
    store: Store, on_failure: OnFailure, status: str
) -> None:
    await hired(store, "w1")
    repeat = Repeat(every_ms=EVERY_MS, on_failure=on_failure)
    [job_id] = await stored(store, a_recurring_job(a_spec(repeat=repeat)))
    await settled(store, await claimed_one(store), a_failure())
    found = await record(store, job_id)
    assert (found.status, found.live is None) == (status, on_failure != "continue")


RETRIED_MS = NOW_MS + 3 * EVERY_MS + 200
"""When a person retries what stopped: three instants have passed meanwhile."""


async def a_retry_of_what_stopped(store: Store, *, limit: int | None = None) -> str:
    """Let the first run of a recurrence fail that stops then, and ask for it once more."""
    await hired(store, "w1")
    repeat = Repeat(every_ms=EVERY_MS, on_failure="stop", limit=limit)
    [job_id] = await stored(store, a_recurring_job(a_spec(repeat=repeat)))
    await settled(store, await claimed_one(store), a_failure())
    again = retry(await record(store, job_id), delay_ms=0, now_ms=RETRIED_MS, zones=ZONES)
    await applied(store, again, now_ms=RETRIED_MS)
    return job_id


async def test_what_stopped_goes_on_once_a_retry_has_succeeded(store: Store) -> None:
    job_id = await a_retry_of_what_stopped(store)
    claim = await claimed_one(store, now_ms=RETRIED_MS)
    await settled(store, claim, Success("mended"), now_ms=RETRIED_MS)
    view = job_view(await record(store, job_id), now_ms=RETRIED_MS, zones=ZONES)
    assert (view["status"], view["last_error"], view["result"]) == ("scheduled", None, "mended")
    following = await live(store, job_id)
    assert (following.scheduled_at_ms, following.extra) == (NOW_MS + 4 * EVERY_MS, False)
    assert view["next_run_at"] == following.scheduled_at_ms


@pytest.mark.parametrize("outcome", [a_failure("ABORTED"), Cancelled("no")])
async def test_what_stopped_stays_so_while_no_retry_succeeds(
    store: Store, outcome: Outcome
) -> None:
    job_id = await a_retry_of_what_stopped(store)
    claim = await claimed_one(store, now_ms=RETRIED_MS)
    await settled(store, claim, outcome, now_ms=RETRIED_MS)
    found = await record(store, job_id)
    assert (found.status, found.live) == ("failed", None)
    told = job_view(found, now_ms=RETRIED_MS, zones=ZONES)["last_error"]
    assert told is not None


async def test_what_stopped_at_its_last_occurrence_is_completed_by_a_retry(store: Store) -> None:
    job_id = await a_retry_of_what_stopped(store, limit=1)
    claim = await claimed_one(store, now_ms=RETRIED_MS)
    await settled(store, claim, Success("mended"), now_ms=RETRIED_MS)
    found = await record(store, job_id)
    assert (found.status, found.live) == ("completed", None)
