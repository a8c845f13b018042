"""What every store must do to stay whole and small: duties, orphans, pruning."""

import asyncio

import pytest
from msgspec.structs import replace

from ductape.domain.breaker import BreakerRule
from ductape.domain.change import Settlement
from ductape.domain.job import Claim
from ductape.domain.operations import cancel, pause, retry
from ductape.domain.outcome import Cancelled, Outcome, Success
from ductape.domain.quota import Fixed
from ductape.domain.request import Repeat
from ductape.ports.stores import Store
from ductape.ports.stores.quotas import BreakerKey, QuotaKey
from tests.builders import (
    NOW_MS,
    ZONES,
    a_failure,
    a_new_job,
    a_recurring_job,
    a_spec,
    an_entry,
    an_id,
    decide,
)
from tests.conformance.steps import (
    applied,
    claimed,
    claimed_one,
    hired,
    live,
    record,
    schedule,
    settled,
    stored,
)

DAY_MS = 86_400_000
SECONDLY = Repeat(every_ms=1_000)


async def duty(store: Store, worker: str, *, now_ms: int = NOW_MS, name: str = "prune") -> bool:
    return await store.upkeep.take_duty(name, worker, now_ms=now_ms, lease_ms=1_000)


async def pruned(
    store: Store, *, completed_ms: int = NOW_MS, failed_ms: int = NOW_MS, limit: int = 999
) -> None:
    """Prune as of a day after `NOW_MS`, until nothing is left to be pruned."""
    while await pruned_once(store, completed_ms, failed_ms, limit=limit):
        pass


async def pruned_once(store: Store, completed_ms: int, failed_ms: int, *, limit: int) -> bool:
    """Prune a batch; tell whether more may be left."""
    return await store.upkeep.prune(
        completed_before_ms=completed_ms,
        failed_before_ms=failed_ms,
        now_ms=NOW_MS + DAY_MS,
        limit=limit,
    )


async def an_ended_job(
    store: Store, outcome: Outcome, *, key: str | None = None, at_ms: int = NOW_MS
) -> str:
    """Store a job made at an instant, and let it end."""
    await stored(store, a_new_job(a_spec(key=key), id=an_id(at_ms)))
    claim = await claimed_one(store)
    await settled(store, claim, outcome, now_ms=at_ms)
    return claim.run.job_id


async def test_a_duty_has_one_holder(store: Store) -> None:
    assert await duty(store, "w1")
    assert not await duty(store, "w2")


async def test_a_hundred_who_want_a_duty_at_once_leave_one_holder(store: Store) -> None:
    taken = await asyncio.gather(*(duty(store, f"w{at}") for at in range(100)))
    assert sum(taken) == 1


async def test_the_holder_of_a_duty_keeps_it(store: Store) -> None:
    await duty(store, "w1")
    assert await duty(store, "w1", now_ms=NOW_MS + 900)
    assert not await duty(store, "w2", now_ms=NOW_MS + 1_800)


async def test_a_duty_whose_lease_has_passed_is_free(store: Store) -> None:
    await duty(store, "w1")
    assert not await duty(store, "w2", now_ms=NOW_MS + 1_000)
    assert await duty(store, "w2", now_ms=NOW_MS + 1_001)


async def test_duties_are_held_apart(store: Store) -> None:
    await duty(store, "w1")
    assert await duty(store, "w2", name="mend")


async def test_a_live_recurrence_without_a_run_is_an_orphan(store: Store) -> None:
    orphan = replace(a_recurring_job(), run=None)
    await stored(store, orphan, a_recurring_job())
    assert await store.upkeep.orphans(limit=9) == [orphan.schedule]


async def test_an_orphan_that_got_a_run_is_none_any_more(store: Store) -> None:
    job = a_recurring_job()
    await stored(store, replace(job, run=None))
    assert job.schedule is not None
    moved = replace(job.schedule, version=2)
    await applied(store, Settlement(job_id=job.job_id, schedule=moved, next_run=job.run))
    assert await store.upkeep.orphans(limit=9) == []
    assert await live(store, job.job_id) == job.run


async def test_halted_ended_and_faulty_recurrences_are_no_orphans(store: Store) -> None:
    paused, ended, faulty = (a_recurring_job() for _ in range(3))
    await stored(store, paused, ended)
    read = await record(store, paused.job_id)
    await applied(store, pause(read, now_ms=NOW_MS, zones=ZONES))
    read = await record(store, ended.job_id)
    await applied(store, cancel(read, None, run_only=False, now_ms=NOW_MS, zones=ZONES))
    assert faulty.schedule is not None
    broken = replace(faulty.schedule, fault="no such zone")
    await stored(store, replace(faulty, run=None, schedule=broken))
    assert await store.upkeep.orphans(limit=9) == []


async def test_no_more_orphans_are_listed_than_asked_for(store: Store) -> None:
    await stored(store, *(replace(a_recurring_job(), run=None) for _ in range(4)))
    assert len(await store.upkeep.orphans(limit=3)) == 3


async def test_history_is_pruned_by_age(store: Store) -> None:
    await hired(store, "w1")
    old = await an_ended_job(store, Success(1), at_ms=NOW_MS - DAY_MS)
    young = await an_ended_job(store, Success(1), at_ms=NOW_MS)
    await pruned(store)
    assert await store.reading.get(old) is None
    assert await store.reading.get(young) is not None


@pytest.mark.parametrize("outcome", [a_failure(), Cancelled(None)])
async def test_what_did_not_succeed_is_kept_longer(store: Store, outcome: Outcome) -> None:
    await hired(store, "w1")
    failed = await an_ended_job(store, outcome, at_ms=NOW_MS - DAY_MS)
    done = await an_ended_job(store, Success(1), at_ms=NOW_MS - DAY_MS)
    await pruned(store, failed_ms=NOW_MS - DAY_MS)
    assert await store.reading.get(failed) is not None
    assert await store.reading.get(done) is None
    await pruned(store)
    assert await store.reading.get(failed) is None


async def test_a_pruned_job_frees_its_key(store: Store) -> None:
    await hired(store, "w1")
    await an_ended_job(store, Success(1), key="a", at_ms=NOW_MS - DAY_MS)
    await pruned(store)
    assert await store.intake.holder("orders", "prd", "a") is None
    await stored(store, a_new_job(a_spec(key="a", event="bill"), digest=b"other"))


async def test_a_job_that_stays_keeps_its_key(store: Store) -> None:
    await hired(store, "w1")
    await an_ended_job(store, Success(1), key="a")
    await stored(
        store, a_new_job(a_spec(key="b")), a_recurring_job(a_spec(key="c", repeat=SECONDLY))
    )
    await pruned(store)
    for key in "abc":
        assert await store.intake.holder("orders", "prd", key) is not None


async def test_a_reopened_job_keeps_its_key_though_its_first_run_is_pruned(store: Store) -> None:
    await hired(store, "w1")
    job_id = await an_ended_job(store, a_failure(), key="a", at_ms=NOW_MS - DAY_MS)
    again = retry(await record(store, job_id), delay_ms=0, now_ms=NOW_MS, zones=ZONES)
    await applied(store, again)
    await pruned(store)
    assert (await record(store, job_id)).status == "queued"
    assert await store.intake.holder("orders", "prd", "a") is not None


async def test_live_jobs_are_never_pruned(store: Store) -> None:
    await hired(store, "w1")
    jobs = await stored(
        store,
        a_new_job(due_ms=NOW_MS - 90 * DAY_MS),
        a_new_job(due_ms=NOW_MS + 1),
        a_recurring_job(),
    )
    await claimed(store)
    await store.upkeep.prune(
        completed_before_ms=NOW_MS + DAY_MS,
        failed_before_ms=NOW_MS + DAY_MS,
        now_ms=NOW_MS + DAY_MS,
        limit=999,
    )
    assert all([await store.reading.get(job_id) for job_id in jobs])


async def test_a_live_recurrence_loses_old_runs_but_neither_itself_nor_its_count(
    store: Store,
) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_recurring_job(a_spec(key="a", repeat=SECONDLY)))
    await settled(store, await claimed_one(store), Success(1))
    await pruned(store, completed_ms=NOW_MS + DAY_MS)
    assert await store.reading.history(job_id, limit=9) == []
    assert (await schedule(store, job_id)).executions == 1
    assert (await record(store, job_id)).status == "scheduled"
    assert await store.intake.holder("orders", "prd", "a") is not None


async def an_ended_recurrence(store: Store, *, at_ms: int) -> Claim:
    once = Repeat(every_ms=1_000, limit=1)
    await stored(store, a_recurring_job(a_spec(key="a", repeat=once)))
    claim = await claimed_one(store)
    await settled(store, claim, Success(1), now_ms=at_ms)
    return claim


async def test_an_ended_recurrence_goes_with_the_last_of_its_history(store: Store) -> None:
    await hired(store, "w1")
    ended = await an_ended_recurrence(store, at_ms=NOW_MS - DAY_MS)
    await pruned(store)
    assert await store.reading.get(ended.run.job_id) is None
    assert await store.intake.holder("orders", "prd", "a") is None


async def test_an_ended_recurrence_stays_as_long_as_its_history(store: Store) -> None:
    await hired(store, "w1")
    ended = await an_ended_recurrence(store, at_ms=NOW_MS)
    await pruned(store)
    assert (await record(store, ended.run.job_id)).status == "completed"


async def test_a_paused_recurrence_is_never_pruned(store: Store) -> None:
    [job_id] = await stored(store, a_recurring_job())
    await applied(store, pause(await record(store, job_id), now_ms=NOW_MS - 1, zones=ZONES))
    await pruned(store)
    assert (await record(store, job_id)).status == "paused"


async def test_a_recurrence_that_never_ran_is_pruned_by_the_age_of_its_end(store: Store) -> None:
    job = a_recurring_job(a_spec(key="a", repeat=Repeat(every_ms=1_000, end_at_ms=NOW_MS - DAY_MS)))
    await stored(store, job, now_ms=NOW_MS)
    await pruned(store, failed_ms=NOW_MS)
    await pruned(store, failed_ms=NOW_MS + 1)
    assert await store.reading.get(job.job_id) is None
    assert await store.intake.holder("orders", "prd", "a") is None


async def test_stale_cache_entries_are_pruned(store: Store) -> None:
    await hired(store, "w1")
    for key, expires in ((b"a", NOW_MS + DAY_MS - 1), (b"b", NOW_MS + DAY_MS + 1)):
        await stored(store, a_new_job())
        done = decide(await claimed_one(store), Success(1), NOW_MS)
        entry = an_entry(key, expires_ms=expires)
        await store.claims.settle([replace(done, cache=entry)], now_ms=NOW_MS)
    await pruned(store)
    assert len(await store.memory.values("orders", "quotes", event=None, kind=None, now_ms=0)) == 1


async def test_windows_of_quotas_that_count_no_more_are_pruned(store: Store) -> None:
    over = QuotaKey("orders", "prd", "sends", b"over")
    going_on = QuotaKey("orders", "prd", "sends", b"going on")
    ended, long = Fixed(5, 0, NOW_MS + DAY_MS - 1), Fixed(5, 0, NOW_MS + DAY_MS + 1)
    await store.quotas.increment(over, ended, 1, now_ms=NOW_MS)
    await store.quotas.increment(going_on, long, 1, now_ms=NOW_MS)
    await pruned(store)
    left = [await store.quotas.check(key, long, 1, now_ms=NOW_MS) for key in (over, going_on)]
    assert [verdict.remaining for verdict in left] == [5, 4]


async def test_breakers_that_nobody_needs_any_more_are_pruned(store: Store) -> None:
    rule = BreakerRule(failures=1, cooldown_ms=9 * DAY_MS)
    old, new = (BreakerKey("orders", "prd", "fallback:mail", name) for name in ("old", "new"))
    await store.breakers.failed(old, rule, now_ms=NOW_MS - 1)
    await store.breakers.failed(new, rule, now_ms=NOW_MS)
    await pruned(store, failed_ms=NOW_MS)
    asked = [await store.breakers.admit(key, rule, now_ms=NOW_MS) for key in (old, new)]
    assert asked == ["call", "skip"]


async def test_pruning_goes_on_in_batches_until_nothing_is_left(store: Store) -> None:
    await hired(store, "w1")
    jobs = [await an_ended_job(store, Success(1), at_ms=NOW_MS - DAY_MS) for _ in range(5)]
    left: list[int] = []
    while await pruned_once(store, NOW_MS, NOW_MS, limit=2):
        left.append(sum([await store.reading.get(job_id) is not None for job_id in jobs]))
    assert left[:2] == [3, 1]
    assert not any([await store.reading.get(job_id) for job_id in jobs])
