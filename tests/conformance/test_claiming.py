"""What every store must do when a worker asks for runs: which, in what order, and to whom."""

import asyncio

import pytest
from msgspec.structs import replace

from ductape.domain.job import Claim, JobSpec
from ductape.domain.outcome import Interrupted, Success
from ductape.domain.request import Repeat
from ductape.domain.settlement import run_ref
from ductape.ports.stores import Store
from tests.builders import (
    LEASE_MS,
    NOW_MS,
    a_new_job,
    a_recurring_job,
    a_spec,
    a_wish,
    decide,
)
from tests.conformance.steps import (
    claimed,
    claimed_ids,
    claimed_one,
    hired,
    last,
    live,
    record,
    stored,
)


async def test_a_claimed_run_is_in_the_hands_of_its_worker(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job())
    claim = await claimed_one(store, now_ms=NOW_MS + 5)
    run = claim.run
    assert (run.state, run.worker, run.fence) == ("running", "w1", 1)
    assert (run.started_at_ms, run.first_started_at_ms) == (NOW_MS + 5, NOW_MS + 5)
    assert await live(store, job_id) == run


async def test_a_claimed_run_is_claimed_by_nobody_else(store: Store) -> None:
    await hired(store, "w1", "w2")
    await stored(store, a_new_job())
    assert len(await claimed(store, a_wish("w1"))) == 1
    assert await claimed(store, a_wish("w2")) == []


async def test_a_hundred_claims_at_once_share_the_runs_out(store: Store) -> None:
    workers = [f"w{at}" for at in range(100)]
    await hired(store, *workers)
    jobs = await stored(store, *(a_new_job() for _ in range(150)))
    turns = await asyncio.gather(*(claimed_ids(store, a_wish(w, slots=2)) for w in workers))
    assert sorted(job_id for turn in turns for job_id in turn) == sorted(jobs)


async def test_higher_priority_comes_first_then_the_earlier_due(store: Store) -> None:
    await hired(store, "w1")
    asked = [(0, -1), (5, 0), (0, -2), (-5, -9), (5, -3)]
    jobs = await stored(
        store, *(a_new_job(a_spec(priority=p), due_ms=NOW_MS + due) for p, due in asked)
    )
    assert await claimed_ids(store) == [jobs[at] for at in (4, 1, 2, 0, 3)]


async def test_few_slots_take_the_first_in_order(store: Store) -> None:
    await hired(store, "w1")
    jobs = await stored(store, *(a_new_job(due_ms=NOW_MS - due) for due in (1, 3, 2)))
    assert await claimed_ids(store, a_wish(slots=2)) == [jobs[1], jobs[2]]


async def test_no_slots_claim_nothing(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job())
    assert await claimed(store, a_wish(slots=0)) == []


async def test_a_worker_claims_from_the_queues_it_names_alone(store: Store) -> None:
    await hired(store, "w1")
    jobs = await stored(store, *(a_new_job(a_spec(queue=q)) for q in ("mail", "default", "slow")))
    found = await claimed_ids(store, a_wish(queues=("slow", "mail")))
    assert sorted(found) == sorted([jobs[0], jobs[2]])


async def test_a_worker_that_names_no_queue_claims_from_all(store: Store) -> None:
    await hired(store, "w1")
    jobs = await stored(store, *(a_new_job(a_spec(queue=q)) for q in ("a", "b", "c")))
    assert sorted(await claimed_ids(store)) == sorted(jobs)


async def test_the_slots_are_shared_by_all_queues(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, *(a_new_job(a_spec(queue=q)) for q in ("a", "b", "c", "a", "b")))
    assert len(await claimed(store, a_wish(slots=4))) == 4
    assert len(await claimed(store, a_wish(slots=4))) == 1


@pytest.mark.parametrize(
    ("needs", "handlers", "taken"),
    [
        ("job:ship", {"job:ship", "job:bill"}, True),
        ("job:ship", {"job:bill"}, False),
        ("job:ship", set[str](), False),
        (None, set[str](), True),
    ],
)
async def test_a_worker_claims_what_it_has_the_handler_for(
    store: Store, needs: str | None, handlers: set[str], *, taken: bool
) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job(a_spec(needs=needs)))
    wish = a_wish(handlers=frozenset(handlers))
    assert len(await claimed(store, wish)) == (1 if taken else 0)


async def test_a_run_without_a_handler_does_not_hold_up_those_behind(store: Store) -> None:
    await hired(store, "w1")
    jobs = await stored(store, a_new_job(a_spec(needs="job:x", priority=9)), a_new_job())
    assert await claimed_ids(store, a_wish(slots=1)) == [jobs[1]]


async def test_no_run_is_claimed_before_it_is_due(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job(due_ms=NOW_MS + 100))
    assert await claimed(store, now_ms=NOW_MS + 99) == []
    assert (await record(store, job_id)).status == "scheduled"
    assert await claimed_ids(store, now_ms=NOW_MS + 100) == [job_id]


async def test_a_turn_tells_when_the_next_run_falls_due(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, *(a_new_job(due_ms=NOW_MS + due) for due in (300, 100, 200)))
    assert (await store.claims.turn(a_wish(), [], now_ms=NOW_MS)).next_turn_ms == NOW_MS + 100
    assert (await store.claims.turn(a_wish(), [], now_ms=NOW_MS + 200)).next_turn_ms == NOW_MS + 300
    assert (await store.claims.turn(a_wish(), [], now_ms=NOW_MS + 300)).next_turn_ms is None


async def test_what_fell_due_long_ago_is_taken_in_the_order_it_fell_due(store: Store) -> None:
    await hired(store, "w1")
    jobs = await stored(store, *(a_new_job(due_ms=NOW_MS + due) for due in (300, 100, 200)))
    found = await claimed_ids(store, now_ms=NOW_MS + LEASE_MS)
    assert found == [jobs[1], jobs[2], jobs[0]]


async def test_what_falls_due_shows_as_queued_even_where_nobody_has_a_slot(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job(due_ms=NOW_MS + 1))
    await claimed(store, a_wish(slots=0), now_ms=NOW_MS + 1)
    assert (await record(store, job_id)).status == "queued"


async def test_a_claim_of_a_recurring_run_carries_its_recurrence(store: Store) -> None:
    await hired(store, "w1")
    job = a_recurring_job()
    await stored(store, job)
    assert (await claimed_one(store)).schedule == job.schedule


@pytest.mark.parametrize("versions", [0, 1, 3])
async def test_a_claim_carries_the_current_version_of_its_product(
    store: Store, versions: int
) -> None:
    await hired(store, "w1")
    for after in range(versions):
        await store.products.put("orders", {}, b"d", after=after, now_ms=NOW_MS)
    await store.products.put("other", {}, b"d", after=0, now_ms=NOW_MS)
    await stored(store, a_new_job())
    assert (await claimed_one(store)).product_version == versions


async def test_each_claim_carries_the_version_of_its_own_product(store: Store) -> None:
    await hired(store, "w1")
    for product, versions in (("one", 1), ("two", 2)):
        for after in range(versions):
            await store.products.put(product, {}, b"d", after=after, now_ms=NOW_MS)
    await stored(store, *(a_new_job(a_spec(product=p)) for p in ("one", "two", "one")))
    claims = await claimed(store)
    found = sorted((claim.run.spec.product, claim.product_version) for claim in claims)
    assert found == [("one", 1), ("one", 1), ("two", 2)]


async def test_a_claim_renews_the_lease(store: Store) -> None:
    await hired(store, "w1")
    await claimed(store, now_ms=NOW_MS + LEASE_MS)
    [worker] = await store.fleet.workers(now_ms=NOW_MS + LEASE_MS)
    assert worker.lease_until_ms == NOW_MS + 2 * LEASE_MS


@pytest.mark.parametrize(("worker", "late_ms"), [("w1", LEASE_MS + 1), ("stranger", 0)])
async def test_a_worker_without_a_lease_claims_nothing(
    store: Store, worker: str, late_ms: int
) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job())
    turn = await store.claims.turn(a_wish(worker), [], now_ms=NOW_MS + late_ms)
    assert (turn.leased, turn.claims) == (False, [])
    assert (await record(store, job_id)).status == "queued"


async def test_a_worker_without_a_lease_still_hands_in_what_it_has(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job())
    claim = await claimed_one(store)
    late = NOW_MS + LEASE_MS + 1
    turn = await store.claims.turn(a_wish(), [decide(claim, Success(1), late)], now_ms=late)
    assert (turn.answers, turn.leased) == (["recorded"], False)
    assert (await last(store, job_id)).result == 1


async def test_a_turn_settles_before_it_claims(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_recurring_job(a_spec(repeat=Repeat(every_ms=1_000))))
    claim = await claimed_one(store)
    late = NOW_MS + 5_500
    turn = await store.claims.turn(a_wish(), [decide(claim, Success(1), late)], now_ms=late)
    assert [(one.run.job_id, one.run.number) for one in turn.claims] == [(job_id, 2)]


async def test_a_run_that_is_asked_to_stop_is_told_to_its_worker(store: Store) -> None:
    await hired(store, "w1", "w2")
    await stored(store, a_new_job())
    run = (await claimed_one(store)).run
    assert await store.claims.ask_cancel(run.job_id, run.number, reason="wrong order")
    assert await store.claims.asked_to_stop("w1") == [(run_ref(run), "wrong order")]
    assert await store.claims.asked_to_stop("w2") == []


async def test_a_run_may_be_asked_to_stop_for_no_reason(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job())
    run = (await claimed_one(store)).run
    assert await store.claims.ask_cancel(run.job_id, run.number, reason=None)
    assert await store.claims.asked_to_stop("w1") == [(run_ref(run), None)]


async def test_who_asks_a_run_to_stop_first_says_why(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job())
    run = (await claimed_one(store)).run
    assert await store.claims.ask_cancel(run.job_id, run.number, reason=None)
    assert not await store.claims.ask_cancel(run.job_id, run.number, reason="too late")
    assert await store.claims.asked_to_stop("w1") == [(run_ref(run), None)]


async def test_a_waiting_run_cannot_be_asked_to_stop(store: Store) -> None:
    [job_id] = await stored(store, a_new_job())
    assert not await store.claims.ask_cancel(job_id, 1, reason=None)
    assert not await store.claims.ask_cancel("nobody", 1, reason=None)


async def test_what_is_learned_of_a_run_stays_when_it_goes_back(store: Store) -> None:
    await hired(store, "w1", "w2")
    [job_id] = await stored(store, a_new_job())
    claim = await claimed_one(store)
    learned = replace(claim.run.spec, calls_features=True)
    assert await store.claims.learn(run_ref(claim.run), learned)
    assert (await live(store, job_id)).spec == learned
    claim = replace(claim, run=replace(claim.run, spec=learned))
    await store.claims.settle([decide(claim, Interrupted(), NOW_MS)], now_ms=NOW_MS)
    assert (await claimed_one(store, "w2")).run.spec == learned


async def test_nothing_is_learned_of_a_run_in_other_hands_or_asked_to_stop(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job())
    run = (await claimed_one(store)).run
    learned = replace(run.spec, calls_features=True)
    assert not await store.claims.learn(replace(run_ref(run), fence=run.fence - 1), learned)
    await store.claims.ask_cancel(job_id, 1, reason=None)
    assert not await store.claims.learn(run_ref(run), learned)
    assert (await live(store, job_id)).spec == run.spec


@pytest.mark.parametrize("spec", [a_spec(), a_spec(queue="ünïcode ☃"), a_spec(needs="job:a")])
async def test_any_queue_and_handler_name_will_do(store: Store, spec: JobSpec) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_new_job(spec))
    wish = a_wish(queues=(spec.queue,), handlers=frozenset({"job:a", 'job:"quoted"'}))
    assert await claimed_ids(store, wish) == [job_id]


async def test_a_run_that_is_due_does_not_take_its_neighbour_along(store: Store) -> None:
    await hired(store, "w1")
    due, later = await stored(store, *(a_new_job(due_ms=NOW_MS + at) for at in (100, 101)))
    assert await claimed_ids(store, now_ms=NOW_MS + 100) == [due]
    assert (await record(store, later)).status == "scheduled"


async def test_what_a_turn_claimed_can_be_asked_for_by_its_instant(store: Store) -> None:
    await hired(store, "w1", "w2")
    await stored(store, *(a_new_job() for _ in range(4)))
    await claimed(store, a_wish("w1", slots=1), now_ms=NOW_MS + 1)
    taken = await claimed(store, a_wish("w1", slots=2), now_ms=NOW_MS + 2)
    await claimed(store, a_wish("w2", slots=1), now_ms=NOW_MS + 2)
    found = await store.claims.claimed("w1", at_ms=NOW_MS + 2)
    assert sorted(found, key=_by_id) == sorted(taken, key=_by_id)
    assert await store.claims.claimed("w1", at_ms=NOW_MS + 3) == []


def _by_id(claim: Claim) -> str:
    return claim.run.job_id
