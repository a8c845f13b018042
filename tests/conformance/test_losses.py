"""What every store must do when workers die: who is lost, who may take them, and how often."""

import pytest
from msgspec.structs import replace

from ductape.domain.outcome import Interrupted, Success
from ductape.domain.settlement import run_ref
from ductape.ports.stores import Store
from ductape.ports.stores.claims import Wish
from ductape.ports.stores.intake import NewJob
from tests.builders import (
    LEASE_MS,
    NOW_MS,
    a_failure,
    a_new_job,
    a_recurring_job,
    a_run,
    a_spec,
    a_wish,
    a_worker,
)
from tests.conformance.steps import (
    claimed,
    claimed_ids,
    claimed_one,
    hired,
    last,
    live,
    lost,
    record,
    settled,
    stored,
)

DEAD_MS = NOW_MS + LEASE_MS + 1
"""The first instant at which a worker that was hired at `NOW_MS` counts as dead."""


async def lost_ids(store: Store, now_ms: int) -> list[str]:
    return [claim.run.job_id for claim in await store.fleet.lost(now_ms=now_ms, limit=99)]


async def test_a_run_is_lost_once_the_lease_of_its_worker_has_passed(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job())
    await claimed_one(store)
    assert await lost_ids(store, DEAD_MS - 1) == []
    assert await lost_ids(store, DEAD_MS) == [job_id]


async def test_runs_of_living_workers_are_not_lost(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job(a_spec(timeout_ms=10_000_000)))
    await claimed_one(store)
    await hired(store, "w2")
    [other] = await stored(store, a_new_job())
    await claimed_one(store, "w2")
    pulse = store.fleet.pulse()
    assert pulse.beat("w1", now_ms=DEAD_MS - 1, lease_ms=LEASE_MS)
    pulse.close()
    assert await lost_ids(store, DEAD_MS) == [other]


async def test_waiting_runs_are_not_lost(store: Store) -> None:
    await stored(store, a_new_job(), a_new_job(due_ms=NOW_MS + 5))
    assert await lost_ids(store, DEAD_MS) == []


async def test_the_runs_of_a_worker_that_left_are_lost_at_once(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job())
    await claimed_one(store)
    await store.fleet.leave("w1")
    assert await lost_ids(store, NOW_MS) == [job_id]


async def test_a_run_past_its_deadline_and_grace_is_lost_whatever_its_worker_says(
    store: Store,
) -> None:
    await store.fleet.register(a_worker("w1"), now_ms=NOW_MS, lease_ms=10_000_000)
    [job_id] = await stored(store, a_new_job(a_spec(timeout_ms=1_000)))
    await claimed(store, a_wish(lease_ms=10_000_000, grace_ms=500))
    assert await lost_ids(store, NOW_MS + 1_500) == []
    assert await lost_ids(store, NOW_MS + 1_501) == [job_id]


async def test_a_run_stored_in_the_hands_of_its_caller_has_the_grace_time_too(
    store: Store,
) -> None:
    await store.fleet.register(a_worker("w1"), now_ms=NOW_MS, lease_ms=10_000_000)
    spec = a_spec(timeout_ms=1_000)
    run = a_run(spec, state="running", worker="w1", fence=1, started_at_ms=NOW_MS)
    await stored(store, NewJob(job_id=run.job_id, spec=spec, run=run))
    assert await lost_ids(store, NOW_MS + 31_000) == []
    assert await lost_ids(store, NOW_MS + 31_001) == [run.job_id]


async def test_no_more_lost_runs_are_listed_than_asked_for(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, *(a_new_job() for _ in range(5)))
    await claimed(store)
    assert len(await store.fleet.lost(now_ms=DEAD_MS, limit=2)) == 2


async def test_a_lost_run_comes_with_its_recurrence(store: Store) -> None:
    await hired(store, "w1")
    job = a_recurring_job()
    await stored(store, job)
    await claimed_one(store)
    [claim] = await store.fleet.lost(now_ms=DEAD_MS, limit=9)
    assert claim.schedule == job.schedule


async def test_a_take_over_takes_the_run_out_of_the_hands_of_its_worker(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job())
    zombie = await claimed_one(store)
    [found] = await store.fleet.lost(now_ms=DEAD_MS, limit=9)
    await lost(store, found, now_ms=DEAD_MS)
    await hired(store, "w2", now_ms=DEAD_MS)
    again = await claimed_one(store, "w2", now_ms=DEAD_MS)
    assert (again.run.fence, again.run.worker) == (zombie.run.fence + 2, "w2")
    assert await settled(store, zombie, Success("late"), now_ms=DEAD_MS) == "fenced"
    assert await settled(store, again, Success("mine"), now_ms=DEAD_MS) == "recorded"
    assert (await last(store, job_id)).result == "mine"


async def test_of_two_that_take_a_run_over_one_does(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job())
    await claimed_one(store)
    [one] = await store.fleet.lost(now_ms=DEAD_MS, limit=9)
    [two] = await store.fleet.lost(now_ms=DEAD_MS, limit=9)
    await lost(store, one, now_ms=DEAD_MS)
    assert await settled(store, two, Interrupted(), now_ms=DEAD_MS) == "fenced"
    assert (await live(store, job_id)).losses == 1


async def test_a_loss_uses_up_no_retry(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job(a_spec(retries=0)))
    await lost(store, await claimed_one(store))
    run = await live(store, job_id)
    assert (run.state, run.failures) == ("queued", 0)
    assert [attempt.status for attempt in run.attempts] == ["lost"]


async def test_a_run_that_is_to_be_tried_at_most_once_fails_when_lost(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job(a_spec(on_lost="fail", retries=9)))
    await lost(store, await claimed_one(store))
    done = await last(store, job_id)
    assert done.error is not None
    assert (done.outcome, done.error.code) == ("failed", "WORKER_LOST")


async def test_the_third_loss_in_a_row_is_the_last(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job(a_spec(retries=9)))
    for _ in range(3):
        await lost(store, await claimed_one(store))
    done = await last(store, job_id)
    assert done.error is not None
    assert (done.outcome, done.error.code) == ("failed", "WORKER_LOST")
    assert [attempt.status for attempt in done.attempts] == ["lost"] * 3


async def test_losses_that_are_not_in_a_row_are_forgiven(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job(a_spec(retries=9)))
    await lost(store, await claimed_one(store))
    await lost(store, await claimed_one(store))
    await settled(store, await claimed_one(store), a_failure())
    due = (await live(store, job_id)).due_at_ms
    await hired(store, "w2", now_ms=due)
    await lost(store, await claimed_one(store, "w2", now_ms=due), now_ms=due)
    assert (await live(store, job_id)).losses == 1


async def two_suspects(store: Store, **changes: object) -> list[str]:
    """Store two runs that were lost before, and a worker with nothing in hand."""
    await hired(store, "w1")
    jobs = await stored(store, *(a_new_job(a_spec(**changes)) for _ in range(2)))
    for claim in await claimed(store, a_wish(handlers=frozenset({"job:a"}))):
        await lost(store, claim)
    return jobs


async def test_suspects_are_claimed_one_at_a_time(store: Store) -> None:
    await two_suspects(store)
    assert len(await claimed(store)) == 1
    assert len(await claimed(store)) == 1


async def test_a_worker_with_a_suspect_in_hand_claims_no_second_one(store: Store) -> None:
    await two_suspects(store)
    assert await claimed(store, a_wish(suspect=False)) == []


async def test_a_suspect_does_not_hold_up_runs_that_were_never_lost(store: Store) -> None:
    suspects = await two_suspects(store)
    fresh = await stored(store, a_new_job(), a_new_job())
    found = await claimed_ids(store)
    assert sorted(found) == sorted([*fresh, next(job for job in suspects if job in found)])
    assert len(found) == 3


async def test_one_suspect_is_claimed_over_all_queues(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, *(a_new_job(a_spec(queue=queue)) for queue in ("a", "b", "c")))
    for claim in await claimed(store):
        await lost(store, claim)
    assert len(await claimed(store)) == 1


@pytest.mark.parametrize(
    "wish",
    [a_wish(queues=("other",)), a_wish(slots=0)],
)
async def test_a_suspect_is_claimed_by_the_rules_of_any_run(store: Store, wish: Wish) -> None:
    await two_suspects(store)
    assert await claimed(store, wish) == []


async def test_a_suspect_needs_its_handler_too(store: Store) -> None:
    await two_suspects(store, needs="job:a")
    assert await claimed(store) == []
    assert len(await claimed(store, a_wish(handlers=frozenset({"job:a"})))) == 1


async def test_an_interruption_makes_no_suspect(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job(), a_new_job())
    for claim in await claimed(store):
        await settled(store, claim, Interrupted())
    assert len(await claimed(store, a_wish(suspect=False))) == 2


async def test_a_note_of_a_zombie_is_refused(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job())
    zombie = await claimed_one(store)
    await lost(store, zombie)
    await claimed_one(store)
    assert not await store.claims.note(run_ref(zombie.run), now_ms=NOW_MS, checkpoint="mine")
    assert (await live(store, job_id)).checkpoint is None
    forged = replace(zombie, run=replace(zombie.run, fence=zombie.run.fence + 1))
    assert await settled(store, forged, Success(1)) == "fenced"
    assert (await record(store, job_id)).status == "running"
