"""What every store must do with keys and twins: whoever asks, and how often, one job (SPEC 1)."""

import asyncio

import pytest
from msgspec.structs import replace

from ductape.domain.job import JobSpec
from ductape.domain.operations import cancel, pause
from ductape.domain.outcome import Success
from ductape.domain.request import Repeat
from ductape.ports.stores import Store
from ductape.ports.stores.intake import Added, NewJob
from ductape.ports.stores.reading import JobFilter
from tests.builders import NOW_MS, ZONES, a_failure, a_new_job, a_recurring_job, a_spec
from tests.conformance.steps import (
    applied,
    claimed_one,
    hired,
    last,
    live,
    record,
    schedule,
    settled,
    stored,
)

HOURLY = Repeat(every_ms=3_600_000)
DAILY = Repeat(every_ms=86_400_000)


async def added(store: Store, job: NewJob) -> Added:
    [answer] = await store.intake.add([job], now_ms=NOW_MS)
    return answer


def hourly(**changes: object) -> JobSpec:
    return a_spec(key="a", repeat=HOURLY, **changes)


def daily(first: NewJob, **changes: object) -> NewJob:
    """Ask for another definition of a recurring job under its key."""
    spec = a_spec(key="a", repeat=DAILY, **changes)
    return a_recurring_job(spec, id=first.job_id, digest=b"other", start_ms=NOW_MS + 5_000)


async def test_a_key_tells_its_job(store: Store) -> None:
    [job_id] = await stored(store, a_new_job(a_spec(key="a"), digest=b"d"))
    held = await store.intake.holder("orders", "prd", "a")
    assert held is not None
    assert (held.job_id, held.digest, held.event, held.recurring) == (job_id, b"d", "ship", False)


@pytest.mark.parametrize(
    ("product", "env", "key"),
    [("other", "prd", "a"), ("orders", "dev", "a"), ("orders", "prd", "A")],
)
async def test_a_key_counts_in_its_product_and_env_alone(
    store: Store, product: str, env: str, key: str
) -> None:
    await stored(store, a_new_job(a_spec(key="a")))
    assert await store.intake.holder(product, env, key) is None
    await stored(store, a_new_job(a_spec(product=product, env=env, key=key), digest=b"other"))


async def test_an_equal_request_under_a_key_is_the_job_that_is_there(store: Store) -> None:
    [job_id] = await stored(store, a_new_job(a_spec(key="a")))
    assert await added(store, a_new_job(a_spec(key="a"))) == Added("existing", job_id)


async def test_a_key_belongs_to_its_job_after_the_end(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job(a_spec(key="a")))
    await settled(store, await claimed_one(store), Success(1))
    assert await added(store, a_new_job(a_spec(key="a"))) == Added("existing", job_id)


@pytest.mark.parametrize(
    ("rival", "reason"),
    [
        (a_new_job(a_spec(key="a"), digest=b"other"), "was asked for with other values"),
        (a_new_job(a_spec(key="a", event="bill")), "is for the event `ship`, not `bill`"),
        (a_recurring_job(hourly()), "is for once; this request is recurring"),
    ],
)
async def test_another_request_under_the_key_of_a_one_off_job_is_a_conflict(
    store: Store, rival: NewJob, reason: str
) -> None:
    [job_id] = await stored(store, a_new_job(a_spec(key="a")))
    answer = await added(store, rival)
    assert (answer.verdict, answer.job_id) == ("conflict", job_id)
    assert answer.reason is not None
    assert answer.reason.endswith(reason)
    assert await store.reading.get(rival.job_id) is None


@pytest.mark.parametrize(
    ("rival", "reason"),
    [
        (a_new_job(a_spec(key="a")), "is recurring; this request is for once"),
        (a_recurring_job(hourly(event="bill")), "is for the event `ship`, not `bill`"),
    ],
)
async def test_another_kind_of_request_under_a_recurring_key_is_a_conflict(
    store: Store, rival: NewJob, reason: str
) -> None:
    [job_id] = await stored(store, a_recurring_job(hourly()))
    answer = await added(store, rival)
    assert (answer.verdict, answer.job_id) == ("conflict", job_id)
    assert answer.reason is not None
    assert answer.reason.endswith(reason)


async def test_a_new_definition_replaces_the_recurrence_and_its_waiting_run(store: Store) -> None:
    first = a_recurring_job(hourly(), start_ms=NOW_MS + 1_000)
    await stored(store, first)
    second = daily(first, input={"new": 1}, queue="slow")
    assert await added(store, second) == Added("replaced", first.job_id)
    run = await live(store, first.job_id)
    assert (run.number, run.scheduled_at_ms, run.spec) == (2, NOW_MS + 5_000, second.spec)
    now = await schedule(store, first.job_id)
    assert (now.spec, now.version, now.next_number) == (second.spec, 2, 3)


async def test_a_new_definition_keeps_the_count_and_the_history(store: Store) -> None:
    await hired(store, "w1")
    first = a_recurring_job(hourly())
    await stored(store, first)
    await settled(store, await claimed_one(store), Success(1))
    await added(store, daily(first))
    now = await schedule(store, first.job_id)
    assert (now.occurrences, now.executions) == (1, 1)
    assert [run.number for run in await store.reading.history(first.job_id, limit=9)] == [1]


async def test_a_new_definition_leaves_a_running_run_alone(store: Store) -> None:
    await hired(store, "w1")
    first = a_recurring_job(hourly())
    await stored(store, first)
    claim = await claimed_one(store)
    await added(store, daily(first))
    assert await live(store, first.job_id) == claim.run


async def test_the_run_that_outlived_its_definition_is_followed_by_the_new_one(
    store: Store,
) -> None:
    await hired(store, "w1")
    first = a_recurring_job(hourly())
    await stored(store, first)
    claim = await claimed_one(store)
    second = daily(first)
    await added(store, second)
    assert await settled(store, claim, Success(1)) == "stale"
    fresh = replace(claim, schedule=await schedule(store, first.job_id))
    assert await settled(store, fresh, Success(1)) == "recorded"
    run = await live(store, first.job_id)
    assert (run.spec, run.scheduled_at_ms) == (second.spec, NOW_MS + 5_000)
    assert (await last(store, first.job_id)).spec == first.spec


async def test_a_new_definition_revives_an_ended_recurrence(store: Store) -> None:
    first = a_recurring_job(hourly())
    await stored(store, first)
    ended = cancel(
        await record(store, first.job_id), None, run_only=False, now_ms=NOW_MS, zones=ZONES
    )
    await applied(store, ended)
    assert (await added(store, daily(first))).verdict == "replaced"
    assert (await record(store, first.job_id)).status == "scheduled"


async def test_a_definition_whose_limit_is_used_up_ends_the_recurrence(store: Store) -> None:
    await hired(store, "w1")
    first = a_recurring_job(hourly())
    await stored(store, first)
    await settled(store, await claimed_one(store), Success(1))
    once = a_spec(key="a", repeat=Repeat(every_ms=1_000, limit=1))
    await added(store, a_recurring_job(once, id=first.job_id, digest=b"other"))
    found = await record(store, first.job_id)
    assert (found.status, found.live) == ("completed", None)


async def test_the_new_definition_is_what_an_equal_request_is_compared_with(store: Store) -> None:
    first = a_recurring_job(hourly())
    await stored(store, first)
    await added(store, daily(first))
    assert (await added(store, daily(first))).verdict == "existing"
    back = a_recurring_job(hourly(), id=first.job_id)
    assert (await added(store, back)).verdict == "replaced"


async def test_a_replacement_built_for_another_job_id_is_told_that_the_key_moved(
    store: Store,
) -> None:
    first = a_recurring_job(hourly())
    await stored(store, first)
    stranger = a_recurring_job(hourly(), digest=b"other")
    assert await added(store, stranger) == Added("moved", first.job_id)
    assert (await schedule(store, first.job_id)).version == 1
    assert await store.reading.get(stranger.job_id) is None


async def test_an_identical_live_recurrence_is_the_one_that_is_there(store: Store) -> None:
    [job_id] = await stored(store, a_recurring_job(twin=b"t"))
    assert await added(store, a_recurring_job(twin=b"t")) == Added("existing", job_id)
    assert (await added(store, a_recurring_job(twin=b"u"))).verdict == "added"


async def test_a_paused_recurrence_still_is_the_twin(store: Store) -> None:
    [job_id] = await stored(store, a_recurring_job(twin=b"t"))
    await applied(store, pause(await record(store, job_id), now_ms=NOW_MS, zones=ZONES))
    assert await added(store, a_recurring_job(twin=b"t")) == Added("existing", job_id)


async def test_an_ended_recurrence_is_nobodys_twin(store: Store) -> None:
    [job_id] = await stored(store, a_recurring_job(twin=b"t"))
    read = await record(store, job_id)
    await applied(store, cancel(read, None, run_only=False, now_ms=NOW_MS, zones=ZONES))
    assert (await added(store, a_recurring_job(twin=b"t"))).verdict == "added"


async def test_a_hundred_callers_at_once_with_one_key_leave_one_job(store: Store) -> None:
    jobs = [a_new_job(a_spec(key="a")) for _ in range(100)]
    answers = await asyncio.gather(*(added(store, job) for job in jobs))
    assert sorted(answer.verdict for answer in answers) == ["added"] + ["existing"] * 99
    assert len({answer.job_id for answer in answers}) == 1
    assert len(await store.reading.many(JobFilter(), limit=9, before=None)) == 1


async def test_batches_with_the_same_keys_in_any_order_leave_one_job_a_key(store: Store) -> None:
    keys = [f"k{at}" for at in range(40)]
    orders = [keys, keys[::-1], keys[20:] + keys[:20], keys[::2] + keys[1::2]]
    batches = [[a_new_job(a_spec(key=key)) for key in order] for order in orders]
    told = await asyncio.gather(*(store.intake.add(batch, now_ms=NOW_MS) for batch in batches))
    found = {answer.job_id for answers in told for answer in answers}
    verdicts = [answer.verdict for answers in told for answer in answers]
    assert (len(found), verdicts.count("added")) == (40, 40)
    assert set(verdicts) == {"added", "existing"}


async def test_batches_hold_what_is_there_in_one_order_and_wait_in_no_circle(store: Store) -> None:
    names = [f"k{at}" for at in range(20)]
    known = [a_new_job(a_spec(key=name)) for name in names]
    known += [a_recurring_job(twin=name.encode()) for name in names]
    await store.intake.add(known, now_ms=NOW_MS)

    def batch(at: int) -> list[NewJob]:
        jobs = [a_new_job(a_spec(key=name)) for name in names]
        jobs += [a_recurring_job(twin=name.encode()) for name in names]
        return jobs[::-1] if at % 2 else jobs

    async with asyncio.timeout(8):  # a circle is cut after a second, one caller at a time
        told = await asyncio.gather(
            *(store.intake.add(batch(at), now_ms=NOW_MS) for at in range(16))
        )
    ids = [job.job_id for job in known]
    for at, answers in enumerate(told):
        assert [answer.job_id for answer in answers] == (ids[::-1] if at % 2 else ids)


async def test_new_twins_in_any_order_leave_one_job_each(store: Store) -> None:
    twins = [f"t{at}".encode() for at in range(20)]

    def batch(at: int) -> list[NewJob]:
        jobs = [a_recurring_job(twin=twin) for twin in twins]
        return jobs[::-1] if at % 2 else jobs

    async with asyncio.timeout(8):
        await asyncio.gather(*(store.intake.add(batch(at), now_ms=NOW_MS) for at in range(8)))
    assert len(await store.reading.many(JobFilter(), limit=99, before=None)) == 20


async def test_a_hundred_callers_at_once_with_one_twin_leave_one_job(store: Store) -> None:
    jobs = [a_recurring_job(twin=b"t") for _ in range(100)]
    answers = await asyncio.gather(*(added(store, job) for job in jobs))
    assert sorted(answer.verdict for answer in answers) == ["added"] + ["existing"] * 99
    assert len(await store.reading.many(JobFilter(), limit=9, before=None)) == 1


async def test_a_hundred_replacements_at_once_leave_one_live_run(store: Store) -> None:
    first = a_recurring_job(hourly())
    await stored(store, first)
    periods = range(1_000, 101_000, 1_000)
    specs = [a_spec(key="a", repeat=Repeat(every_ms=period)) for period in periods]
    rivals = [
        a_recurring_job(spec, id=first.job_id, digest=bytes([at])) for at, spec in enumerate(specs)
    ]
    answers = await asyncio.gather(*(added(store, rival) for rival in rivals))
    assert {answer.verdict for answer in answers} == {"replaced"}
    now = await schedule(store, first.job_id)
    assert now.version == 101
    run = await live(store, first.job_id)
    assert (run.number, run.spec) == (now.next_number - 1, now.spec)


async def test_a_replaced_run_that_was_tried_before_leaves_its_attempts_in_history(
    store: Store,
) -> None:
    await hired(store, "w1")
    first = a_recurring_job(hourly(retries=3))
    await stored(store, first)
    await settled(store, await claimed_one(store), a_failure())
    assert (await added(store, daily(first))).verdict == "replaced"
    done = await last(store, first.job_id)
    assert (done.number, done.outcome, len(done.attempts)) == (1, "cancelled", 1)
    assert (await live(store, first.job_id)).number == 2
    assert (await schedule(store, first.job_id)).executions == 1
