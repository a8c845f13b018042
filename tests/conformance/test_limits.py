"""What every store must do about concurrency keys: so many of a key at a time, and no more."""

import asyncio
from itertools import count

import pytest

from ductape.domain.change import Settlement
from ductape.domain.job import Claim
from ductape.domain.operations import cancel
from ductape.domain.outcome import Cancelled, Interrupted, Lost, Outcome, Success
from ductape.ports.stores import Store
from ductape.ports.stores.claims import Turn
from ductape.ports.stores.intake import NewJob
from ductape.ports.stores.memory import Follows
from tests.builders import LEASE_MS, NOW_MS, ZONES, a_failure, a_new_job, a_spec, a_wish, decide
from tests.conformance.caching import recalled
from tests.conformance.steps import (
    applied,
    claimed,
    claimed_ids,
    claimed_one,
    hired,
    led,
    live,
    lost,
    record,
    settled,
    stored,
)

ENDS: list[Outcome] = [
    Success(1),
    a_failure("NOT_FOUND"),
    a_failure("TIMEOUT"),
    Cancelled("no"),
    Lost("dead"),
    Interrupted(),
]


def keyed(key: str = "k", limit: int = 1, *, due_ms: int = NOW_MS, **changes: object) -> NewJob:
    """Make a job under a concurrency key."""
    spec = a_spec(concurrency_key=key, concurrency_limit=limit, **changes)
    return a_new_job(spec, due_ms=due_ms)


async def turned(
    store: Store, *settlements: Settlement, worker: str = "w1", slots: int = 100
) -> Turn:
    """Take a turn."""
    return await store.claims.turn(a_wish(worker, slots=slots), settlements, now_ms=NOW_MS)


def ended(claim: Claim, outcome: Outcome | None = None) -> Settlement:
    """Decide what an outcome means; success if none is given."""
    return decide(claim, Success(1) if outcome is None else outcome, NOW_MS)


@pytest.mark.parametrize("limit", [1, 3])
async def test_no_more_runs_of_a_key_are_claimed_than_its_limit(store: Store, limit: int) -> None:
    await hired(store, "w1", "w2")
    await stored(store, *(keyed(limit=limit) for _ in range(5)))
    assert len(await claimed(store, a_wish("w1"))) == limit
    assert await claimed(store, a_wish("w2")) == []


async def test_keys_do_not_limit_one_another(store: Store) -> None:
    await hired(store, "w1")
    others = [keyed("a"), keyed("b"), keyed("a", product="p2"), keyed("a", env="dev")]
    await stored(store, *others, a_new_job())
    assert len(await claimed(store)) == 5


async def test_a_limit_holds_over_all_queues(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, *(keyed(limit=2, queue=queue) for queue in ("a", "b", "c")))
    assert sum([len(await claimed(store)) for _ in range(3)]) == 2


async def test_a_hundred_workers_at_once_keep_the_limit(store: Store) -> None:
    workers = [f"w{at}" for at in range(100)]
    await hired(store, *workers)
    await stored(store, *(keyed(limit=7) for _ in range(50)))
    turns = await asyncio.gather(*(claimed_ids(store, a_wish(w, slots=3)) for w in workers))
    assert sum(map(len, turns)) <= 7
    assert len(await claimed(store)) == 7 - sum(map(len, turns))


async def test_a_run_that_its_key_holds_back_shows_as_queued(store: Store) -> None:
    await hired(store, "w1")
    _, second = await stored(store, keyed(), keyed())
    await claimed(store)
    assert await claimed(store) == []
    assert (await record(store, second)).status == "queued"
    assert (await live(store, second)).state == "blocked"


@pytest.mark.parametrize("outcome", ENDS, ids=repr)
async def test_the_end_of_a_run_lets_the_next_of_its_key_go(store: Store, outcome: Outcome) -> None:
    await hired(store, "w1")
    first, *others = await stored(store, *(keyed(due_ms=NOW_MS - 9 + at) for at in range(3)))
    claim = await claimed_one(store)
    assert await claimed(store) == []
    turn = await turned(store, ended(claim, outcome))
    expected = first if isinstance(outcome, Lost | Interrupted) else others[0]
    if isinstance(outcome, Interrupted | Lost):
        # It goes back to its old place, if need be after one that was let go before it came.
        assert [one.run.job_id for one in turn.claims] in ([expected], [others[0]])
    else:
        assert [one.run.job_id for one in turn.claims] == [expected]


async def test_blocked_runs_go_by_priority_then_by_age(store: Store) -> None:
    await hired(store, "w1")
    asked = [(0, -9), (0, -2), (5, 0), (0, -5)]
    jobs = [keyed(due_ms=NOW_MS + due, priority=p) for p, due in asked]
    ids = await stored(store, *jobs)
    claim = await claimed_one(store)
    order = [claim.run.job_id]
    assert await claimed(store) == []
    while (turn := await turned(store, ended(claim))).claims:
        [claim] = turn.claims
        order.append(claim.run.job_id)
    assert order == [ids[at] for at in (2, 0, 3, 1)]


async def test_a_flood_of_one_key_does_not_hold_up_another(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, *(keyed("flood", limit=2, due_ms=NOW_MS - 10) for _ in range(500)))
    [other] = await stored(store, keyed("other"))
    assert other in await claimed_ids(store, a_wish(slots=10))


async def test_a_settlement_outside_a_turn_lets_the_next_go(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, keyed(), keyed())
    claim = await claimed_one(store)
    assert await claimed(store) == []
    await settled(store, claim, Success(1))
    assert len(await claimed(store)) == 1


async def test_a_cancelled_blocked_run_takes_no_place(store: Store) -> None:
    await hired(store, "w1")
    _, second, third = await stored(store, *(keyed(due_ms=NOW_MS - 9 + at) for at in range(3)))
    claim = await claimed_one(store)
    assert await claimed(store) == []
    verb = cancel(await record(store, second), None, run_only=False, now_ms=NOW_MS, zones=ZONES)
    await applied(store, verb)
    turn = await turned(store, ended(claim))
    assert [one.run.job_id for one in turn.claims] == [third]


async def test_a_lost_run_keeps_to_its_key(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, keyed())
    await lost(store, await claimed_one(store))
    await stored(store, keyed())
    assert len(await claimed(store, a_wish(suspect=True))) == 1
    assert await claimed(store, a_wish(suspect=True)) == []


async def test_a_run_parked_for_a_cache_leaves_its_place(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job())
    leader = await led(store, await claimed_one(store))
    _, other = await stored(store, *(keyed(due_ms=NOW_MS - 9 + at) for at in range(2)))
    follower = await claimed_one(store)
    assert await claimed(store) == []
    assert await recalled(store, follower) == Follows(leader.run.job_id)
    assert await claimed_ids(store) == [other]


async def test_a_retry_waits_for_its_key_again(store: Store) -> None:
    await hired(store, "w1")
    first, second = await stored(
        store, *(keyed(due_ms=NOW_MS - 9 + at, retries=1) for at in range(2))
    )
    claim = await claimed_one(store)
    turn = await turned(store, ended(claim, a_failure()))
    assert [one.run.job_id for one in turn.claims] == [second]
    later = NOW_MS + LEASE_MS
    assert await claimed(store, now_ms=later) == []
    await settled(store, turn.claims[0], Success(1), now_ms=later)
    assert await claimed_ids(store, now_ms=later) == [first]


async def test_a_turn_tells_when_others_may_take_what_it_freed(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, keyed(), keyed())
    claim = await claimed_one(store)
    assert await claimed(store) == []
    turn = await turned(store, ended(claim), slots=0)
    assert turn.crowded


async def test_each_run_goes_by_its_own_limit(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, keyed(limit=1))
    await claimed_one(store)
    strict, loose = await stored(store, keyed(limit=1, queue="a"), keyed(limit=2, queue="b"))
    assert await claimed_ids(store, a_wish(queues=("a",))) == []
    assert await claimed_ids(store, a_wish(queues=("b",))) == [loose]
    assert (await live(store, strict)).state == "blocked"


async def test_upkeep_leaves_what_its_gate_still_blocks(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, keyed(), keyed())
    await claimed_one(store)
    assert await claimed(store) == []
    assert await store.upkeep.release_deserted(now_ms=NOW_MS) == 0
    assert await claimed(store) == []


async def test_all_runs_of_a_key_are_executed_in_the_end(store: Store) -> None:
    await hired(store, "w1", "w2")
    jobs = await stored(store, *(keyed(f"k{at % 3}", limit=2) for at in range(30)))
    done: list[str] = []
    held: list[Claim] = []
    for at in count():
        turn = await turned(store, *map(ended, held), worker=f"w{at % 2 + 1}", slots=3)
        done += [claim.run.job_id for claim in held]
        held = turn.claims
        keys = [claim.run.spec.concurrency_key for claim in held]
        assert all(keys.count(key) <= 2 for key in keys)
        if not held and len(done) == len(jobs):
            break
        assert at < 100
    assert sorted(done) == sorted(jobs)
