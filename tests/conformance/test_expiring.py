"""What every store must do with runs that may not begin any more, and that nobody claims."""

import pytest

from ductape.domain.job import Claim
from ductape.domain.outcome import Expired, Suspended
from ductape.domain.request import JobEventTypes
from ductape.domain.settlement import run_ref
from ductape.ports.stores import Store
from ductape.ports.stores.intake import NewJob
from ductape.ports.stores.memory import Follows
from tests.builders import NOW_MS, a_failure, a_new_job, a_recurring_job, a_spec
from tests.conformance.steps import (
    claimed,
    claimed_one,
    hired,
    last,
    led,
    schedule,
    settled,
    stored,
)

LATER_MS = NOW_MS + 60_000


def an_expiring(expires_ms: int = NOW_MS, *, due_ms: int = NOW_MS, **changes: object) -> NewJob:
    return a_new_job(a_spec(expires_at_ms=expires_ms, **changes), due_ms=due_ms)


async def expired(store: Store, *, now_ms: int = NOW_MS + 1, limit: int = 9) -> list[Claim]:
    return await store.upkeep.expired(now_ms=now_ms, limit=limit)


async def expired_ids(store: Store, *, now_ms: int = NOW_MS + 1, limit: int = 9) -> list[str]:
    return [claim.run.job_id for claim in await expired(store, now_ms=now_ms, limit=limit)]


async def test_a_waiting_run_expires_once_its_instant_has_passed(store: Store) -> None:
    [job_id, *_] = await stored(store, an_expiring(), a_new_job(), an_expiring(LATER_MS))
    assert await expired_ids(store, now_ms=NOW_MS) == []
    assert await expired_ids(store) == [job_id]


async def test_what_is_due_later_expires_as_well(store: Store) -> None:
    [job_id] = await stored(store, an_expiring(due_ms=LATER_MS))
    assert await expired_ids(store) == [job_id]


async def test_the_first_to_have_expired_come_first_and_no_more_than_asked_for(
    store: Store,
) -> None:
    jobs = [an_expiring(NOW_MS - ago) for ago in (1, 3, 2)]
    one, three, two = await stored(store, *jobs)
    assert await expired_ids(store, limit=2) == [three, two]
    assert await expired_ids(store) == [three, two, one]


async def test_what_runs_does_not_expire(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, an_expiring())
    await claimed_one(store)
    assert await expired(store) == []


async def test_what_waits_to_be_tried_again_expires(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, an_expiring(retries=3))
    await settled(store, await claimed_one(store), a_failure())
    assert await expired_ids(store) == [job_id]


async def test_what_waits_behind_a_limit_expires(store: Store) -> None:
    await hired(store, "w1")
    jobs = await stored(store, *(an_expiring(concurrency_key="one") for _ in range(2)))
    [first] = await claimed(store)
    assert await expired_ids(store) == [job_id for job_id in jobs if job_id != first.run.job_id]


async def test_what_waits_for_an_equal_run_expires(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, an_expiring(), an_expiring())
    leader, follower = await claimed(store)
    await led(store, leader)
    ref, answer = run_ref(follower.run), Follows(leader.run.job_id)
    assert await store.memory.recall(ref, b"key", now_ms=NOW_MS) == answer
    [found] = await expired(store)
    assert found.run.job_id == follower.run.job_id
    assert await settled(store, found, Expired()) == "recorded"


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("spec", [{"kind": JobEventTypes.FEATURE}, {"calls_features": True}])
async def test_a_feature_expires_only_until_it_has_begun(
    store: Store,
    begun: bool,  # noqa: FBT001 (a parameter)
    spec: dict[str, object],
) -> None:
    """So does what calls one."""
    await hired(store, "w1")
    [job_id] = await stored(store, an_expiring(**spec))
    if begun:
        held = Suspended(LATER_MS)
        await settled(store, await claimed_one(store), held)
    assert await expired_ids(store) == ([] if begun else [job_id])


async def test_an_expired_run_ends_as_failed_without_an_attempt(store: Store) -> None:
    [job_id] = await stored(store, an_expiring())
    [claim] = await expired(store)
    assert await settled(store, claim, Expired()) == "recorded"
    done = await last(store, job_id)
    assert (done.outcome, done.attempts, done.started_at_ms) == ("failed", (), None)
    assert done.error is not None
    assert done.error.code == "EXPIRED"
    assert await expired(store) == []


async def test_whoever_claims_it_meanwhile_keeps_it(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, an_expiring())
    [found] = await expired(store)
    await claimed_one(store)
    assert await settled(store, found, Expired()) == "fenced"


async def test_a_recurrence_whose_run_expired_is_over(store: Store) -> None:
    spec = a_recurring_job().spec
    [job_id] = await stored(
        store, a_recurring_job(a_spec(repeat=spec.repeat, expires_at_ms=NOW_MS))
    )
    [claim] = await expired(store)
    assert await settled(store, claim, Expired()) == "recorded"
    assert (await schedule(store, job_id)).state == "completed"
