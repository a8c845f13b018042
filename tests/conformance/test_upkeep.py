"""What every store must do to stay whole and small: duties, orphans, pruning."""

import asyncio

import pytest
from msgspec.structs import replace

from ductape.domain.change import Settlement
from ductape.domain.job import Claim
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.limits.breaker import BreakerRule
from ductape.domain.limits.quota import Fixed
from ductape.domain.operations import cancel, pause, retry
from ductape.domain.outcome import Cancelled, Outcome, Success
from ductape.domain.request import Repeat
from ductape.domain.retention import KeptFrom, Others
from ductape.ports.stores import Store
from ductape.ports.stores.memory import Selection
from ductape.ports.stores.quotas import BreakerKey, QuotaKey
from ductape.ports.stores.upkeep import NO_OTHERS
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
    store: Store,
    *,
    completed_ms: int = NOW_MS,
    failed_ms: int = NOW_MS,
    limit: int = 999,
    products: Others = NO_OTHERS,
) -> None:
    """Prune as of a day after `NOW_MS`, until nothing is left to be pruned."""
    while await pruned_once(store, completed_ms, failed_ms, limit=limit, products=products):
        pass


async def pruned_once(
    store: Store, completed_ms: int, failed_ms: int, *, limit: int, products: Others = NO_OTHERS
) -> bool:
    """Prune a batch; tell whether more may be left."""
    return await store.upkeep.prune(
        completed_before_ms=completed_ms,
        failed_before_ms=failed_ms,
        now_ms=NOW_MS + DAY_MS,
        limit=limit,
        products=products,
    )


async def an_ended_job(
    store: Store,
    outcome: Outcome,
    *,
    key: str | None = None,
    at_ms: int = NOW_MS,
    product: str = "orders",
) -> str:
    """Store a job made at an instant, and let it end."""
    await stored(store, a_new_job(a_spec(key=key, product=product), id=an_id(at_ms)))
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


EVERYTHING, NOTHING = NOW_MS, NOW_MS - 9 * DAY_MS
"""From when on a product's runs are kept of which all are old, or none is."""


async def are_there(store: Store, *jobs: str) -> list[bool]:
    return [await store.reading.get(job_id) is not None for job_id in jobs]


@pytest.mark.parametrize("days", [0, 3])
async def test_a_product_may_be_kept_for_less_long_than_others(store: Store, days: int) -> None:
    await hired(store, "w1")
    if days:  # on PostgreSQL: what ended is on a day of its own, not in the rest
        await pruned(store, completed_ms=0, failed_ms=0)
    at_ms = NOW_MS + DAY_MS if days else NOW_MS - DAY_MS
    short, other = [
        await an_ended_job(store, Success(1), key="a", at_ms=at_ms, product=product)
        for product in ("clicks", "orders")
    ]
    kept = KeptFrom(completed_ms=at_ms + DAY_MS, failed_ms=at_ms + DAY_MS)
    await pruned(store, completed_ms=0, failed_ms=0, products={"clicks": kept})
    assert await are_there(store, short, other) == [False, True]
    assert await store.intake.holder("clicks", "prd", "a") is None
    assert await store.intake.holder("orders", "prd", "a") is not None


async def test_a_product_may_be_kept_longer_than_others(store: Store) -> None:
    await hired(store, "w1")
    await pruned(store, completed_ms=0, failed_ms=0)
    long, other = [
        await an_ended_job(store, Success(1), product=product) for product in ("audits", "orders")
    ]
    later = NOW_MS + DAY_MS
    kept: Others = {"audits": KeptFrom(NOTHING, NOTHING)}
    await pruned(store, completed_ms=later, failed_ms=later, products=kept)
    assert await are_there(store, long, other) == [True, False]
    await pruned(store, completed_ms=later, failed_ms=later)
    assert await are_there(store, long, other) == [False, False]


@pytest.mark.parametrize(
    ("outcome", "goes"), [(Success(1), True), (a_failure(), False), (Cancelled(None), False)]
)
async def test_a_product_says_apart_how_long_what_did_not_succeed_is_kept(
    store: Store, outcome: Outcome, *, goes: bool
) -> None:
    await hired(store, "w1")
    job = await an_ended_job(store, outcome, at_ms=NOW_MS - DAY_MS, product="clicks")
    kept: Others = {"clicks": KeptFrom(completed_ms=EVERYTHING, failed_ms=NOTHING)}
    await pruned(store, completed_ms=0, failed_ms=0, products=kept)
    assert await are_there(store, job) == [not goes]


async def test_every_product_goes_by_its_own_time(store: Store) -> None:
    await hired(store, "w1")
    await store.upkeep.prune(
        completed_before_ms=0, failed_before_ms=0, now_ms=NOW_MS - 9 * DAY_MS, limit=9
    )
    jobs = {
        (product, age): await an_ended_job(
            store, Success(1), at_ms=NOW_MS - age * DAY_MS, product=product
        )
        for product in ("a", "b", "c", "orders")
        for age in (9, 8, 7, 3, 2, 1)
    }
    days = {"a": 2, "b": 5, "c": 9}
    kept = {tag: KeptFrom(NOW_MS - age * DAY_MS, NOTHING) for tag, age in days.items()}
    await pruned(store, completed_ms=NOW_MS - 7 * DAY_MS, limit=2, products=kept)
    left = {one: (await are_there(store, job))[0] for one, job in jobs.items()}
    # A store that keeps history by the day keeps each for up to a day longer.
    for (product, age), there in left.items():
        longest = days.get(product, 7)
        assert there or age >= longest, (product, age)
        assert not there or age <= longest + 1, (product, age)


async def test_what_is_kept_for_another_time_goes_in_batches_too(store: Store) -> None:
    await hired(store, "w1")
    await pruned(store, completed_ms=0, failed_ms=0)
    jobs = [
        await an_ended_job(store, Success(1), product=product)
        for _ in range(5)
        for product in ("clicks", "orders")
    ]
    later = NOW_MS + DAY_MS
    left: list[int] = []
    more = True
    while more:
        kept: Others = {"clicks": KeptFrom(later, later)}
        more = await pruned_once(store, 0, 0, limit=2, products=kept)
        left.append(sum(await are_there(store, *jobs)))
    assert left[:3] == [8, 6, 5]
    assert left[-1] == 5


async def test_a_product_that_changes_its_mind_is_heeded(store: Store) -> None:
    await hired(store, "w1")
    await pruned(store, completed_ms=0, failed_ms=0)
    first, second = [await an_ended_job(store, Success(1), product=tag) for tag in ("a", "b")]
    later = NOW_MS + DAY_MS
    kept: Others = {"a": KeptFrom(later, later)}
    await pruned(store, completed_ms=0, failed_ms=0, products=kept)
    assert await are_there(store, first, second) == [False, True]
    kept = {"a": KeptFrom(NOTHING, NOTHING), "b": KeptFrom(later, later)}
    await pruned(store, completed_ms=0, failed_ms=0, products=kept)
    assert await are_there(store, first, second) == [False, False]


async def test_an_ended_recurrence_goes_by_its_product_too(store: Store) -> None:
    repeat = Repeat(every_ms=1_000, end_at_ms=NOW_MS - DAY_MS)
    short, long, other = [
        a_recurring_job(a_spec(repeat=repeat, product=product)) for product in ("a", "b", "orders")
    ]
    await stored(store, short, long, other, now_ms=NOW_MS)
    after = NOW_MS + 1
    kept = {"a": KeptFrom(after, after), "b": KeptFrom(0, 0)}
    await pruned(store, failed_ms=NOW_MS, products=kept)
    jobs = [one.job_id for one in (short, long, other)]
    assert await are_there(store, *jobs) == [False, True, True]
    await pruned(store, failed_ms=after, products=kept)
    assert await are_there(store, *jobs) == [False, True, False]


async def test_the_products_whose_document_has_a_key_are_found(store: Store) -> None:
    envs: list[JsonValue] = [{"slug": "retention"}]
    put = store.products.put
    for at, (tag, more) in enumerate(
        [("a", {"retention": {"failed": 1}}), ("b", {}), ("c", {"name": "retention"})]
    ):
        await put(tag, {"tag": tag, "envs": envs, **more}, b"", after=0, now_ms=at)
    assert [row.tag for row in await store.products.having("retention")] == ["a"]
    await put("a", {"tag": "a", "envs": envs}, b"", after=1, now_ms=9)
    await put("b", {"tag": "b", "envs": envs, "retention": {}}, b"", after=1, now_ms=9)
    assert [(row.tag, row.version) for row in await store.products.having("retention")] == [
        ("b", 2)
    ]


async def test_stale_cache_entries_are_pruned(store: Store) -> None:
    await hired(store, "w1")
    for key, expires in ((b"a", NOW_MS + DAY_MS - 1), (b"b", NOW_MS + DAY_MS + 1)):
        await stored(store, a_new_job())
        done = decide(await claimed_one(store), Success(1), NOW_MS)
        entry = an_entry(key, expires_ms=expires)
        await store.claims.settle([replace(done, cache=entry)], now_ms=NOW_MS)
    await pruned(store)
    assert len(await store.memory.values(Selection("orders", "quotes"), now_ms=0)) == 1


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
