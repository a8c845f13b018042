"""What every store must do with the steps of runs, and with the signals that they wait for."""

import asyncio

import pytest
from msgspec.structs import replace

from ductape.domain.job import NEVER_MS, Claim, JobSpec
from ductape.domain.outcome import Interrupted, Outcome, Success, Suspended
from ductape.domain.request import JobEventTypes
from ductape.domain.settlement import run_ref
from ductape.domain.steps import Step, StepRecord
from ductape.ports.stores import Store
from tests.builders import NOW_MS, a_failure, a_new_job, a_spec
from tests.conformance.steps import (
    claimed,
    claimed_one,
    hired,
    live,
    lost,
    record,
    settled,
    stored,
)

LATER_MS = NOW_MS + 500


def a_feature(**changes: object) -> JobSpec:
    return a_spec(kind=JobEventTypes.FEATURE, event="onboard", **changes)


def a_step(path: str = "main.charge", **changes: object) -> Step:
    step = Step(path=path, kind="action", state="running", position=0, started_at_ms=NOW_MS)
    return replace(step, **changes)


def a_waiting_step(**changes: object) -> Step:
    waiting = a_step("main.approval", kind="wait", state="waiting", awaits="approved")
    return replace(waiting, **changes)


async def a_held_feature(store: Store, **changes: object) -> Claim:
    await hired(store, "w1")
    await stored(store, a_new_job(a_feature(**changes)))
    return await claimed_one(store)


async def recorded(store: Store, claim: Claim) -> StepRecord:
    return await store.steps.of_run(claim.run.job_id, claim.run.number)


async def test_steps_are_kept_in_the_order_in_which_they_began(store: Store) -> None:
    claim = await a_held_feature(store)
    error = a_failure().error
    steps = (
        a_step("z", position=0, state="completed", completed_at_ms=LATER_MS, result={"a": [1]}),
        a_step("a", position=1, state="failed", failures=2, error=error, due_at_ms=LATER_MS),
        a_waiting_step(position=2),
    )
    assert await store.steps.record(run_ref(claim.run), steps)
    assert await recorded(store, claim) == StepRecord(steps)


async def test_a_step_is_replaced_by_what_it_has_come_to(store: Store) -> None:
    claim = await a_held_feature(store)
    run = run_ref(claim.run)
    done = a_step(state="completed", completed_at_ms=LATER_MS, result="x" * 100_000)
    assert await store.steps.record(run, [a_step()])
    assert await store.steps.record(run, [done])
    assert (await recorded(store, claim)).steps == (done,)


async def test_a_lost_fence_cannot_record_a_step(store: Store) -> None:
    claim = await a_held_feature(store)
    await lost(store, claim)
    run = run_ref(claim.run)
    assert not await store.steps.record(run, [a_step()])
    assert await store.steps.receive(run, a_waiting_step(), now_ms=NOW_MS) is None
    assert await recorded(store, claim) == StepRecord()


async def test_a_run_that_suspends_is_due_again_at_its_instant(store: Store) -> None:
    claim = await a_held_feature(store)
    assert await settled(store, claim, Suspended(LATER_MS)) == "recorded"
    held = await live(store, claim.run.job_id)
    assert (held.state, held.due_at_ms, held.attempts, held.losses) == (
        "scheduled",
        LATER_MS,
        (),
        0,
    )
    assert held.fence == claim.run.fence + 1
    assert await claimed(store, now_ms=LATER_MS - 1) == []
    again = await claimed_one(store, now_ms=LATER_MS)
    assert again.run.first_started_at_ms == NOW_MS


async def test_a_suspended_run_leaves_its_gate(store: Store) -> None:
    await hired(store, "w1")
    gated = a_feature(concurrency_key="one")
    await stored(store, a_new_job(gated), a_new_job(gated))
    first = await claimed_one(store)
    assert await settled(store, first, Suspended(None)) == "recorded"
    assert (await claimed_one(store)).run.job_id != first.run.job_id


async def test_a_run_without_an_instant_waits_for_its_signal(store: Store) -> None:
    claim = await a_held_feature(store)
    job_id = claim.run.job_id
    waiting = await store.steps.receive(run_ref(claim.run), a_waiting_step(), now_ms=NOW_MS)
    assert waiting == a_waiting_step()
    await settled(store, claim, Suspended(None))
    assert (await live(store, job_id)).due_at_ms == NEVER_MS
    assert await store.steps.signal(job_id, "another", None, now_ms=LATER_MS)
    assert await claimed(store, now_ms=LATER_MS) == []
    assert await store.steps.signal(job_id, "approved", {"by": "ada"}, now_ms=LATER_MS)
    again = await claimed_one(store, now_ms=LATER_MS)
    got = await store.steps.receive(run_ref(again.run), a_waiting_step(), now_ms=LATER_MS)
    assert got == a_waiting_step(state="completed", completed_at_ms=LATER_MS, result={"by": "ada"})
    assert (await recorded(store, claim)).steps == (got,)


async def test_a_signal_that_came_before_the_run_was_suspended_is_heard(store: Store) -> None:
    claim = await a_held_feature(store)
    await store.steps.receive(run_ref(claim.run), a_waiting_step(), now_ms=NOW_MS)
    assert await store.steps.signal(claim.run.job_id, "approved", 1, now_ms=NOW_MS)
    await settled(store, claim, Suspended(None))
    assert (await claimed_one(store)).run.job_id == claim.run.job_id


async def test_signals_of_a_name_are_received_in_order_each_once(store: Store) -> None:
    claim = await a_held_feature(store)
    run = run_ref(claim.run)
    for data in ("first", "second"):
        await store.steps.signal(claim.run.job_id, "approved", data, now_ms=NOW_MS)
    got = [
        await store.steps.receive(run, a_waiting_step(path=path), now_ms=NOW_MS)
        for path in ("a", "b", "c")
    ]
    assert [(one.state, one.result) for one in got if one is not None] == [
        ("completed", "first"),
        ("completed", "second"),
        ("waiting", None),
    ]


async def test_a_signal_that_came_too_late_is_left_to_another_wait(store: Store) -> None:
    """When it came decides, not when somebody looks."""
    claim = await a_held_feature(store)
    run, job_id = run_ref(claim.run), claim.run.job_id
    waiting = a_waiting_step(due_at_ms=LATER_MS)
    await store.steps.signal(job_id, "approved", "late", now_ms=LATER_MS)
    got = await store.steps.receive(run, waiting, now_ms=LATER_MS + 1)
    assert got == waiting
    got = await store.steps.receive(run, a_waiting_step(path="another"), now_ms=LATER_MS + 1)
    assert got is not None
    assert got.result == "late"


async def test_a_signal_that_came_in_time_counts_whenever_it_is_seen(store: Store) -> None:
    claim = await a_held_feature(store)
    waiting = a_waiting_step(due_at_ms=LATER_MS)
    await store.steps.signal(claim.run.job_id, "approved", "timely", now_ms=LATER_MS - 1)
    got = await store.steps.receive(run_ref(claim.run), waiting, now_ms=LATER_MS + 9)
    assert got is not None
    assert got.result == "timely"


async def test_a_signal_wakes_no_run_that_has_not_begun(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job(a_feature(), due_ms=LATER_MS))
    assert await store.steps.signal(job_id, "approved", 1, now_ms=NOW_MS)
    assert await claimed(store) == []


async def test_a_job_without_a_live_run_takes_no_signal(store: Store) -> None:
    claim = await a_held_feature(store)
    await settled(store, claim, Success(1))
    assert not await store.steps.signal(claim.run.job_id, "approved", 1, now_ms=NOW_MS)
    assert not await store.steps.signal("nobody", "approved", 1, now_ms=NOW_MS)
    assert not await store.steps.stop(claim.run.job_id, 1, None, now_ms=NOW_MS)


async def test_a_held_run_that_is_to_stop_is_due_at_once(store: Store) -> None:
    claim = await a_held_feature(store)
    job_id = claim.run.job_id
    await settled(store, claim, Suspended(None))
    assert await store.steps.stop(job_id, 1, "no more", now_ms=LATER_MS)
    assert not await store.steps.stop(job_id, 1, "again", now_ms=LATER_MS)
    assert (await claimed_one(store, now_ms=LATER_MS)).run.job_id == job_id
    assert await recorded(store, claim) == StepRecord(stopping=True, reason="no more")


@pytest.mark.parametrize("outcome", [Suspended(None), Interrupted(), a_failure()])
async def test_a_feature_that_is_to_stop_comes_back_at_once(store: Store, outcome: Outcome) -> None:
    claim = await a_held_feature(store, retries=1)
    assert await store.steps.stop(claim.run.job_id, 1, None, now_ms=NOW_MS)
    assert await store.claims.ask_cancel(claim.run.job_id, 1, reason="no")
    assert await settled(store, claim, outcome) == "recorded"
    assert (await claimed_one(store)).run.job_id == claim.run.job_id
    assert (await record(store, claim.run.job_id)).status == "running"


async def test_of_a_signal_and_a_suspension_at_once_none_is_lost(store: Store) -> None:
    claims = []
    await hired(store, "w1")
    for _ in range(20):
        await stored(store, a_new_job(a_feature()))
        claims.append(await claimed_one(store))
        run = run_ref(claims[-1].run)
        await store.steps.receive(run, a_waiting_step(), now_ms=NOW_MS)
    await asyncio.gather(
        *(settled(store, claim, Suspended(None)) for claim in claims),
        *(store.steps.signal(c.run.job_id, "approved", 1, now_ms=NOW_MS) for c in claims),
    )
    assert len(await claimed(store)) == len(claims)


async def test_steps_go_with_their_run(store: Store) -> None:
    claim = await a_held_feature(store)
    await store.steps.record(run_ref(claim.run), [a_step()])
    await store.steps.signal(claim.run.job_id, "late", 1, now_ms=NOW_MS)
    await settled(store, claim, Success(1))
    later_ms = NOW_MS + 100 * 86_400_000
    while await store.upkeep.prune(
        completed_before_ms=later_ms, failed_before_ms=later_ms, now_ms=later_ms, limit=100
    ):
        pass
    assert await recorded(store, claim) == StepRecord()
    assert await store.copying.count("signals") == 0


async def test_many_runs_record_at_once_and_only_those_that_hold_their_fence(store: Store) -> None:
    await hired(store, "w1")
    jobs = [a_new_job(a_feature()) for _ in range(40)]
    await stored(store, *jobs)
    claims = await claimed(store)
    for claim in claims[:10]:
        await lost(store, claim)
    answers = await asyncio.gather(
        *(store.steps.record(run_ref(claim.run), [a_step(), a_step("b")]) for claim in claims)
    )
    assert answers == [False] * 10 + [True] * 30
    kept = [len((await recorded(store, claim)).steps) for claim in claims]
    assert kept == [0] * 10 + [2] * 30


async def test_what_undoes_already_is_held_until_its_instant(store: Store) -> None:
    """That it is to stop, and a signal for what is to be undone, would claim it in a circle."""
    claim = await a_held_feature(store)
    job_id = claim.run.job_id
    await store.steps.receive(run_ref(claim.run), a_waiting_step(), now_ms=NOW_MS)
    assert await store.steps.stop(job_id, 1, None, now_ms=NOW_MS)
    assert await store.steps.signal(job_id, "approved", 1, now_ms=NOW_MS)
    await settled(store, claim, Suspended(LATER_MS, undoing=True))
    assert await claimed(store, now_ms=LATER_MS - 1) == []
    assert await claimed(store, now_ms=LATER_MS) != []


async def test_what_undoes_may_wait_for_a_signal_itself(store: Store) -> None:
    claim = await a_held_feature(store)
    waiting = a_waiting_step(path="main.charge~rollback/main.approval")
    await store.steps.receive(run_ref(claim.run), waiting, now_ms=NOW_MS)
    assert await store.steps.signal(claim.run.job_id, "approved", 1, now_ms=NOW_MS)
    await settled(store, claim, Suspended(LATER_MS, undoing=True))
    assert await claimed(store, now_ms=NOW_MS) != []
