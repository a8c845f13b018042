"""What every store must do with settlements: whole or not at all, by the fence's holder alone."""

import asyncio

import pytest
from msgspec.structs import replace

from ductape.domain.change import RunRef, Settlement
from ductape.domain.job import Attempt, Claim, Progress
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.operations import cancel, retry
from ductape.domain.outcome import Cancelled, Interrupted, Outcome, Success
from ductape.domain.request import Repeat
from ductape.domain.settlement import run_ref
from ductape.ports.stores import Store
from tests.builders import (
    NOW_MS,
    ZONES,
    a_failure,
    a_new_job,
    a_recurring_job,
    a_run,
    a_schedule,
    a_spec,
    an_id,
    decide,
)
from tests.conformance.steps import (
    applied,
    claimed,
    claimed_one,
    hired,
    last,
    live,
    lost,
    record,
    settled,
    stored,
)

LATER_MS = NOW_MS + 500


async def a_held_run(store: Store, retries: int = 0) -> Claim:
    """Store a job and claim it."""
    await hired(store, "w1")
    await stored(store, a_new_job(a_spec(retries=retries)))
    return await claimed_one(store)


async def test_a_result_moves_the_run_into_history(store: Store) -> None:
    claim = await a_held_run(store)
    assert await settled(store, claim, Success({"ok": True}), now_ms=LATER_MS) == "recorded"
    found = await record(store, claim.run.job_id)
    assert (found.live, found.status) == (None, "completed")
    assert found.last == decide(claim, Success({"ok": True}), LATER_MS).to
    assert found.last is not None
    assert found.last.attempts == (Attempt(1, NOW_MS, LATER_MS, "completed", "w1"),)


@pytest.mark.parametrize("result", [None, False, 0, "", [], {}, "text", [1, {"a": None}], 1.5])
async def test_any_json_is_kept_as_a_result(store: Store, result: JsonValue) -> None:
    claim = await a_held_run(store)
    await settled(store, claim, Success(result))
    kept = (await last(store, claim.run.job_id)).result
    assert (kept, type(kept)) == (result, type(result))


async def test_a_failure_is_kept_with_its_error(store: Store) -> None:
    claim = await a_held_run(store)
    failure = a_failure("TIMEOUT")
    await settled(store, claim, failure)
    done = await last(store, claim.run.job_id)
    assert (done.outcome, done.error, done.failures) == ("failed", failure.error, 1)


async def test_a_failure_with_a_retry_left_goes_back_until_its_instant(store: Store) -> None:
    claim = await a_held_run(store, retries=1)
    settlement = decide(claim, a_failure(), NOW_MS)
    await applied(store, settlement)
    run = await live(store, claim.run.job_id)
    assert run == settlement.to
    assert await claimed(store, now_ms=run.due_at_ms - 1) == []
    again = await claimed_one(store, now_ms=run.due_at_ms)
    assert (again.run.fence, again.run.failures) == (3, 1)
    assert again.run.first_started_at_ms == NOW_MS


async def test_an_interrupted_run_goes_back_at_once(store: Store) -> None:
    claim = await a_held_run(store)
    await settled(store, claim, Interrupted())
    again = await claimed_one(store)
    assert [attempt.status for attempt in again.run.attempts] == ["interrupted"]


async def test_a_result_is_recorded_once(store: Store) -> None:
    claim = await a_held_run(store)
    assert await settled(store, claim, Success(1)) == "recorded"
    assert await settled(store, claim, Success(2)) == "fenced"
    assert (await last(store, claim.run.job_id)).result == 1


async def test_of_many_settlements_at_once_one_is_recorded(store: Store) -> None:
    claim = await a_held_run(store)
    answers = await asyncio.gather(*(settled(store, claim, Success(at)) for at in range(20)))
    assert sorted(answers) == ["fenced"] * 19 + ["recorded"]
    assert (await last(store, claim.run.job_id)).result == answers.index("recorded")


@pytest.mark.parametrize("outcome", [Success(1), a_failure(), Interrupted(), Cancelled("late")])
async def test_a_lost_fence_cannot_settle(store: Store, outcome: Outcome) -> None:
    claim = await a_held_run(store, retries=5)
    await lost(store, claim)
    before = await record(store, claim.run.job_id)
    assert await settled(store, claim, outcome) == "fenced"
    assert await record(store, claim.run.job_id) == before


async def test_a_lost_fence_cannot_checkpoint_nor_report_progress(store: Store) -> None:
    claim = await a_held_run(store)
    await lost(store, claim)
    ref = run_ref(claim.run)
    assert not await store.claims.note(ref, now_ms=NOW_MS, checkpoint={"a": 1})
    assert not await store.claims.note(ref, now_ms=NOW_MS, progress=Progress(1))
    run = await live(store, claim.run.job_id)
    assert (run.checkpoint, run.progress) == (None, None)


async def test_a_checkpoint_and_the_progress_are_kept_apart(store: Store) -> None:
    claim = await a_held_run(store)
    ref = run_ref(claim.run)
    assert await store.claims.note(ref, now_ms=NOW_MS, checkpoint={"sent": ["push"]})
    assert await store.claims.note(ref, now_ms=NOW_MS, progress=Progress(1, 2, "half"))
    run = await live(store, claim.run.job_id)
    assert (run.checkpoint, run.progress) == ({"sent": ["push"]}, Progress(1, 2, "half"))


async def test_a_checkpoint_reaches_the_next_attempt_of_a_lost_run(store: Store) -> None:
    claim = await a_held_run(store)
    await store.claims.note(run_ref(claim.run), now_ms=NOW_MS, checkpoint=[1])
    [found] = await store.fleet.lost(now_ms=NOW_MS + 10_000_000, limit=9)
    await lost(store, found)
    assert (await claimed_one(store)).run.checkpoint == [1]


async def test_a_checkpoint_reaches_the_retry_of_a_worker_that_did_not_read_it_back(
    store: Store,
) -> None:
    claim = await a_held_run(store, retries=1)
    await store.claims.note(run_ref(claim.run), now_ms=NOW_MS, checkpoint=[1])
    await settled(store, claim, a_failure())
    assert (await live(store, claim.run.job_id)).checkpoint == [1]


async def test_nothing_is_noted_of_a_run_that_ended(store: Store) -> None:
    claim = await a_held_run(store)
    await settled(store, claim, Success(1))
    assert not await store.claims.note(run_ref(claim.run), now_ms=NOW_MS, checkpoint=1)


async def test_each_settlement_of_a_batch_stands_alone(store: Store) -> None:
    await hired(store, "w1")
    jobs = await stored(store, *(a_new_job(due_ms=NOW_MS - at) for at in (3, 2, 1)))
    first, second, third = await claimed(store)
    await lost(store, second)
    batch = [decide(claim, Success(1), NOW_MS) for claim in (first, second, third)]
    answers = await store.claims.settle(batch, now_ms=NOW_MS)
    assert answers == ["recorded", "fenced", "recorded"]
    statuses = [(await record(store, job_id)).status for job_id in jobs]
    assert statuses == ["completed", "queued", "completed"]


async def test_runs_that_go_back_together_go_back_each_by_itself(store: Store) -> None:
    await hired(store, "w1")
    often, each_minute = a_spec(retries=5), a_spec(retries=5, repeat=Repeat(every_ms=60_000))
    jobs = await stored(store, *(a_new_job(often) for _ in range(4)), a_recurring_job(each_minute))
    claims = {claim.run.job_id: claim for claim in await claimed(store)}
    good, stopped, gone, done, recurring = (claims[job_id] for job_id in jobs)
    await store.claims.ask_cancel(jobs[1], 1, reason="wrong order")
    await lost(store, gone)
    backs = [decide(one, a_failure(), NOW_MS) for one in (good, stopped, gone, recurring, good)]
    answers = await store.claims.settle([decide(done, Success(1), NOW_MS), *backs], now_ms=NOW_MS)
    assert answers == ["recorded", "recorded", "recorded", "fenced", "recorded", "fenced"]
    statuses = [(await record(store, job_id)).status for job_id in jobs]
    assert statuses == ["scheduled", "cancelled", "queued", "completed", "scheduled"]
    for job_id in (jobs[0], jobs[4]):
        run = await live(store, job_id)
        assert (run.number, run.failures, run.worker) == (1, 1, None)
        assert run.due_at_ms > NOW_MS


async def test_a_fenced_settlement_changes_nothing_of_the_recurrence(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_recurring_job())
    claim = await claimed_one(store)
    await lost(store, claim)
    before = await record(store, job_id)
    assert await settled(store, claim, Success(1)) == "fenced"
    assert await record(store, job_id) == before


async def test_a_stale_settlement_changes_nothing_at_all(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_recurring_job())
    claim = await claimed_one(store)
    assert claim.schedule is not None
    await applied(store, Settlement(job_id=job_id, schedule=replace(claim.schedule, version=2)))
    before = await record(store, job_id)
    assert await settled(store, claim, Success(1)) == "stale"
    assert await record(store, job_id) == before
    assert await store.reading.history(job_id, limit=9) == []


async def test_a_settlement_of_nothing_known_is_refused(store: Store) -> None:
    ghost = Settlement(job_id="ghost", run=RunRef("ghost", 1, 0))
    strange = Settlement(job_id="ghost", schedule=a_schedule(job_id="ghost", version=2))
    answers = await store.claims.settle([ghost, strange], now_ms=NOW_MS)
    assert answers == ["fenced", "stale"]


async def test_nothing_of_nothing_is_settled(store: Store) -> None:
    assert await store.claims.settle([], now_ms=NOW_MS) == []


async def test_a_waiting_run_is_cancelled_without_an_attempt(store: Store) -> None:
    [job_id] = await stored(store, a_new_job(due_ms=LATER_MS))
    ended = cancel(await record(store, job_id), "no", run_only=False, now_ms=NOW_MS, zones=ZONES)
    await applied(store, ended)
    done = await last(store, job_id)
    assert (done.outcome, done.attempts, done.started_at_ms) == ("cancelled", (), None)


async def test_a_cancellation_that_comes_after_the_claim_is_refused(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job())
    ended = cancel(await record(store, job_id), "no", run_only=False, now_ms=NOW_MS, zones=ZONES)
    assert ended is not None
    claim = await claimed_one(store)
    assert await store.claims.settle([ended], now_ms=NOW_MS) == ["fenced"]
    assert await live(store, job_id) == claim.run


@pytest.mark.parametrize("outcome", [a_failure(), Interrupted()])
async def test_a_run_that_somebody_asked_to_stop_does_not_go_back(
    store: Store, outcome: Outcome
) -> None:
    claim = await a_held_run(store, retries=5)
    await store.claims.ask_cancel(claim.run.job_id, 1, reason="wrong order")
    assert await settled(store, claim, outcome) == "recorded"
    done = await last(store, claim.run.job_id)
    assert done.outcome == "cancelled"
    assert done.error is not None
    assert done.error.message == "wrong order"
    assert len(done.attempts) == 1


async def test_a_lost_run_that_somebody_asked_to_stop_is_not_tried_again(store: Store) -> None:
    claim = await a_held_run(store)
    await store.claims.ask_cancel(claim.run.job_id, 1, reason=None)
    await lost(store, claim)
    assert (await record(store, claim.run.job_id)).status == "cancelled"


async def test_a_result_delivered_before_the_stop_is_kept(store: Store) -> None:
    claim = await a_held_run(store)
    await store.claims.ask_cancel(claim.run.job_id, 1, reason=None)
    await settled(store, claim, Success(1))
    assert (await record(store, claim.run.job_id)).status == "completed"


async def test_a_failed_job_is_reopened_with_the_next_number(store: Store) -> None:
    claim = await a_held_run(store)
    job_id = claim.run.job_id
    await settled(store, claim, a_failure())
    again = retry(await record(store, job_id), delay_ms=0, now_ms=LATER_MS, zones=ZONES)
    await applied(store, again, now_ms=LATER_MS)
    assert (await record(store, job_id)).status == "queued"
    fresh = await claimed_one(store, now_ms=LATER_MS)
    assert (fresh.run.number, fresh.run.attempts) == (2, ())
    await settled(store, fresh, Success("at last"), now_ms=LATER_MS)
    found = await record(store, job_id)
    assert (found.status, found.last and found.last.result) == ("completed", "at last")
    assert [run.number for run in await store.reading.history(job_id, limit=9)] == [2, 1]


async def test_of_two_that_reopen_a_job_at_once_one_wins(store: Store) -> None:
    claim = await a_held_run(store)
    job_id = claim.run.job_id
    await settled(store, claim, a_failure())
    again = retry(await record(store, job_id), delay_ms=0, now_ms=NOW_MS, zones=ZONES)
    assert again is not None
    answers = await asyncio.gather(*(store.claims.settle([again], now_ms=NOW_MS) for _ in range(2)))
    assert sorted(answers) == [["fenced"], ["recorded"]]
    assert len(await claimed(store)) == 1


async def test_a_job_that_is_not_there_cannot_be_reopened(store: Store) -> None:
    run = a_run(job_id=an_id(), number=2)
    ghost = Settlement(job_id=run.job_id, next_run=run, reopens=True)
    assert await store.claims.settle([ghost], now_ms=NOW_MS) == ["fenced"]
    assert await store.reading.get(run.job_id) is None


async def test_progress_that_came_with_the_outcome_is_kept(store: Store) -> None:
    claim = await a_held_run(store, retries=1)
    await store.claims.note(run_ref(claim.run), now_ms=NOW_MS, progress=Progress(1, 4))
    ahead = replace(claim, run=replace(claim.run, progress=Progress(3, 4)))
    await settled(store, ahead, a_failure())
    assert (await live(store, claim.run.job_id)).progress == Progress(3, 4)
