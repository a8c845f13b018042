"""What every store must do with runs parked behind a leader, however it ends (SPEC 7)."""

import pytest

from ductape.domain.change import Settlement
from ductape.domain.operations import cancel, pause
from ductape.domain.outcome import Cancelled, Interrupted, Lost, Outcome, Success
from ductape.domain.request import Repeat
from ductape.ports.stores import Store
from ductape.ports.stores.memory import Follows, Fresh, Leads, Selection
from tests.builders import (
    NOW_MS,
    ZONES,
    a_failure,
    a_new_job,
    a_recurring_job,
    a_spec,
    a_wish,
    decide,
)
from tests.conformance.caching import a_claim, a_leader, followers, recalled, statuses
from tests.conformance.steps import (
    applied,
    claimed,
    claimed_one,
    hired,
    last,
    led,
    live,
    record,
    schedule,
    settled,
    settled_leading,
    stored,
)

FAILURES: list[Outcome] = [
    a_failure("NOT_FOUND"),
    a_failure("TIMEOUT"),
    Cancelled("no"),
    Lost("dead"),
    Interrupted(),
]


async def test_the_success_of_the_leader_completes_all_that_follow(store: Store) -> None:
    leader = await a_leader(store)
    ids = await followers(store, 3)
    assert await settled_leading(store, leader, Success(7)) == "recorded"
    for job_id in ids:
        done = await last(store, job_id)
        assert (done.outcome, done.result, done.cached) == ("completed", 7, True)
        assert (done.attempts, done.started_at_ms) == ((), None)


async def test_the_success_of_a_lost_leader_completes_nobody(store: Store) -> None:
    leader = await a_leader(store)
    ids = await followers(store, 2)
    await settled(store, leader, Lost("dead"))
    assert await settled_leading(store, leader, Success(7)) == "fenced"
    assert "completed" not in await statuses(store, ids)
    assert await store.memory.values(Selection("orders", "quotes"), now_ms=0) == []


async def test_a_recurring_follower_that_is_completed_gets_its_next_occurrence(
    store: Store,
) -> None:
    leader = await a_leader(store)
    job = a_recurring_job(a_spec(repeat=Repeat(every_ms=1_000)))
    assert isinstance(await recalled(store, await a_claim(store, job)), Follows)
    await settled_leading(store, leader, Success(7))
    assert (await last(store, job.job_id)).cached
    assert (await live(store, job.job_id)).scheduled_at_ms == NOW_MS + 1_000
    assert (await schedule(store, job.job_id)).occurrences == 1


@pytest.mark.parametrize("outcome", FAILURES)
async def test_a_leader_without_a_result_releases_exactly_the_first(
    store: Store, outcome: Outcome
) -> None:
    leader = await a_leader(store)
    ids = await followers(store, 3)
    await settled_leading(store, leader, outcome)
    assert await statuses(store, ids) == ["queued", "parked", "parked"]


@pytest.mark.parametrize("outcome", FAILURES)
async def test_a_leader_without_a_result_leaves_no_entry(store: Store, outcome: Outcome) -> None:
    leader = await a_leader(store)
    await settled_leading(store, leader, outcome)
    assert await store.memory.values(Selection("orders", "quotes"), now_ms=0) == []


async def test_a_released_run_leads_with_its_own_retries(store: Store) -> None:
    leader = await a_leader(store)
    ids = await followers(store, 2)
    await settled_leading(store, leader, a_failure())
    second = await led(store, await claimed_one(store))
    assert (second.run.job_id, second.run.attempts) == (ids[0], ())
    await settled_leading(store, second, Success(2))
    assert await statuses(store, ids) == ["completed", "completed"]
    assert (await last(store, ids[1])).cached


async def test_a_leader_that_is_retried_follows_the_one_it_released(store: Store) -> None:
    await hired(store, "w1")
    leader = await led(store, await a_claim(store, a_new_job(a_spec(retries=1))))
    [released] = await followers(store, 1)
    await settled_leading(store, leader, a_failure())
    due = (await live(store, leader.run.job_id)).due_at_ms
    first, second = await claimed(store, now_ms=due)
    assert first.run.job_id == released
    assert await recalled(store, first) == Leads()
    assert await recalled(store, second) == Follows(released)
    parked = await live(store, leader.run.job_id)
    assert (parked.failures, len(parked.attempts)) == (1, 1)
    assert parked.first_started_at_ms == NOW_MS


async def test_every_follower_gets_its_turn_though_each_fails(store: Store) -> None:
    leader = await a_leader(store)
    ids = await followers(store, 3)
    for _ in range(4):
        await settled_leading(store, leader, a_failure())
        waiting = await claimed(store)
        if waiting:
            leader = await led(store, waiting[0])
    assert await statuses(store, ids) == ["failed"] * 3


async def test_the_success_of_a_newcomer_answers_the_released_and_those_behind_it(
    store: Store,
) -> None:
    leader = await a_leader(store)
    ids = await followers(store, 2)
    await settled_leading(store, leader, a_failure())
    await stored(store, a_new_job(a_spec(queue="fast")))
    [newcomer] = await claimed(store, a_wish(queues=("fast",)))
    await settled_leading(store, await led(store, newcomer), Success(7))
    assert await statuses(store, ids) == ["queued", "completed"]
    assert await recalled(store, await claimed_one(store)) == Fresh(7)


async def test_a_cancelled_follower_leaves_the_leader_alone(store: Store) -> None:
    leader = await a_leader(store)
    ids = await followers(store, 2)
    await applied(store, await a_cancellation(store, ids[0]))
    assert await statuses(store, ids) == ["cancelled", "parked"]
    assert await settled_leading(store, leader, Success(7)) == "recorded"
    assert await statuses(store, ids) == ["cancelled", "completed"]


async def test_a_cancelled_released_run_hands_the_turn_on(store: Store) -> None:
    leader = await a_leader(store)
    ids = await followers(store, 3)
    await settled_leading(store, leader, a_failure())
    await applied(store, await a_cancellation(store, ids[0]))
    assert await statuses(store, ids) == ["cancelled", "queued", "parked"]


async def a_cancellation(store: Store, job_id: str) -> Settlement | None:
    read = await record(store, job_id)
    return cancel(read, None, run_only=False, now_ms=NOW_MS, zones=ZONES)


async def test_upkeep_releases_those_whose_released_run_was_taken_away(store: Store) -> None:
    leader = await a_leader(store)
    job = a_recurring_job(a_spec(repeat=Repeat(every_ms=1_000)), start_ms=NOW_MS - 500_000)
    assert isinstance(await recalled(store, await a_claim(store, job)), Follows)
    late = await a_claim(store, a_new_job())
    assert isinstance(await recalled(store, late), Follows)
    await applied(store, decide(leader, a_failure(), NOW_MS))
    read = await record(store, job.job_id)
    assert read.live is not None
    assert read.live.state == "queued"
    await applied(store, pause(read, now_ms=NOW_MS, zones=ZONES))
    await store.upkeep.release_deserted(now_ms=NOW_MS)
    assert await statuses(store, [late.run.job_id]) == ["queued"]


async def test_upkeep_releases_nobody_whose_leader_lives(store: Store) -> None:
    leader = await a_leader(store)
    ids = await followers(store, 2)
    assert await store.upkeep.release_deserted(now_ms=NOW_MS) == 0
    await settled_leading(store, leader, a_failure())
    assert await store.upkeep.release_deserted(now_ms=NOW_MS) == 0
    assert await statuses(store, ids) == ["queued", "parked"]


async def test_a_cancellation_planned_before_the_release_is_refused(store: Store) -> None:
    leader = await a_leader(store)
    ids = await followers(store, 2)
    too_late = await a_cancellation(store, ids[0])
    assert too_late is not None
    await settled_leading(store, leader, a_failure())
    assert await store.claims.settle([too_late], now_ms=NOW_MS) == ["fenced"]
    assert await statuses(store, ids) == ["queued", "parked"]


async def test_a_leader_that_was_asked_to_stop_hands_the_turn_on(store: Store) -> None:
    await hired(store, "w1")
    leader = await led(store, await a_claim(store, a_new_job(a_spec(retries=5))))
    ids = await followers(store, 2)
    await store.claims.ask_cancel(leader.run.job_id, 1, reason=None)
    await settled_leading(store, leader, a_failure())
    assert (await record(store, leader.run.job_id)).status == "cancelled"
    assert await statuses(store, ids) == ["queued", "parked"]
