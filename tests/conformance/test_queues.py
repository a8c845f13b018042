"""What every store must do about queues: pause, limits, rates, fairness."""

import asyncio

import pytest
from msgspec.structs import replace

from ductape.domain.limits.rate import Rate
from ductape.domain.outcome import Success
from ductape.ports.stores import Store
from ductape.ports.stores.queues import QueueRecord
from tests.builders import NOW_MS, a_new_job, a_spec, a_wish, decide
from tests.conformance.steps import claimed, claimed_ids, claimed_one, hired, lost, stored


async def test_no_run_of_a_paused_queue_is_claimed(store: Store) -> None:
    await hired(store, "w1")
    [mail, other] = await stored(store, a_new_job(a_spec(queue="mail")), a_new_job())
    assert await store.queues.pause("mail", paused=True)
    assert await claimed_ids(store) == [other]
    assert await store.queues.pause("mail", paused=False)
    assert await claimed_ids(store) == [mail]


async def test_pausing_twice_changes_nothing(store: Store) -> None:
    assert not await store.queues.pause("mail", paused=False)
    assert await store.queues.pause("mail", paused=True)
    assert not await store.queues.pause("mail", paused=True)


async def test_a_lost_run_of_a_paused_queue_waits_too(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job())
    await lost(store, await claimed_one(store))
    await store.queues.pause("default", paused=True)
    assert await claimed(store) == []


async def test_a_queue_runs_no_more_at_a_time_than_its_limit(store: Store) -> None:
    await hired(store, "w1", "w2")
    await store.queues.set_concurrency("default", 2)
    await stored(store, *(a_new_job() for _ in range(5)))
    first, second = await claimed(store, a_wish("w1"))
    assert await claimed(store, a_wish("w2")) == []
    settlements = [decide(first, Success(1), NOW_MS), decide(second, Success(1), NOW_MS)]
    turn = await store.claims.turn(a_wish("w2"), settlements[:1], now_ms=NOW_MS)
    assert len(turn.claims) == 1
    await store.queues.set_concurrency("default", None)
    assert len(await claimed(store, a_wish("w2"))) == 2


async def test_a_hundred_workers_at_once_keep_a_queues_limit(store: Store) -> None:
    workers = [f"w{at}" for at in range(100)]
    await hired(store, *workers)
    await store.queues.set_concurrency("default", 7)
    await stored(store, *(a_new_job() for _ in range(50)))
    turns = await asyncio.gather(*(claimed_ids(store, a_wish(w, slots=3)) for w in workers))
    assert sum(map(len, turns)) <= 7
    assert len(await claimed(store)) == 7 - sum(map(len, turns))


async def test_a_limited_queue_holds_up_no_other(store: Store) -> None:
    await hired(store, "w1")
    await store.queues.set_concurrency("default", 1)
    await stored(store, *(a_new_job() for _ in range(50)))
    [other] = await stored(store, a_new_job(a_spec(queue="other")))
    assert other in await claimed_ids(store, a_wish(slots=5))


async def test_a_turn_tells_when_others_may_take_what_a_queue_has_room_for(store: Store) -> None:
    await hired(store, "w1")
    await store.queues.set_concurrency("default", 1)
    await stored(store, a_new_job(), a_new_job())
    claim = await claimed_one(store)
    settlement = decide(claim, Success(1), NOW_MS)
    turn = await store.claims.turn(a_wish(slots=0), [settlement], now_ms=NOW_MS)
    assert turn.crowded


async def test_a_queue_starts_no_more_than_its_rate(store: Store) -> None:
    await hired(store, "w1", "w2")
    await store.queues.set_rate("default", Rate(3, 1_000))
    await stored(store, *(a_new_job() for _ in range(10)))
    assert len(await claimed(store, a_wish("w1"), now_ms=NOW_MS)) == 3
    turn = await store.claims.turn(a_wish("w2"), [], now_ms=NOW_MS + 500)
    assert turn.claims == []
    assert turn.next_turn_ms is not None
    assert NOW_MS + 1_000 <= turn.next_turn_ms <= NOW_MS + 1_025
    assert len(await claimed(store, a_wish("w2"), now_ms=turn.next_turn_ms)) == 3
    await store.queues.set_rate("default", None)
    assert len(await claimed(store, now_ms=turn.next_turn_ms)) == 4


async def test_a_rate_counts_what_started_whatever_became_of_it(store: Store) -> None:
    await hired(store, "w1")
    await store.queues.set_rate("default", Rate(1, 1_000))
    await stored(store, a_new_job(), a_new_job())
    claim = await claimed_one(store)
    settlement = decide(claim, Success(1), NOW_MS + 1)
    turn = await store.claims.turn(a_wish(), [settlement], now_ms=NOW_MS + 1)
    assert turn.claims == []


async def test_a_rate_counts_a_run_that_is_claimed_ahead_from_its_instant(store: Store) -> None:
    await hired(store, "w1")
    await store.queues.set_rate("default", Rate(1, 1_000))
    await stored(store, *(a_new_job(due_ms=NOW_MS + 30) for _ in range(2)))
    assert len(await claimed(store, replace(a_wish(), ahead_ms=30))) == 1
    turn = await store.claims.turn(a_wish(), [], now_ms=NOW_MS + 1_029)
    assert turn.claims == []
    assert turn.next_turn_ms is not None
    assert NOW_MS + 1_030 <= turn.next_turn_ms <= NOW_MS + 1_055
    assert len(await claimed(store, now_ms=turn.next_turn_ms)) == 1


async def test_a_rate_counts_a_lost_run_beside_those_that_are_claimed_with_it(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job())
    await lost(store, await claimed_one(store))
    await store.queues.set_rate("default", Rate(2, 1_000))
    await stored(store, *(a_new_job() for _ in range(3)))
    assert len(await claimed(store)) == 2


async def test_queues_are_listed_with_what_waits_and_runs(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job(due_ms=NOW_MS - 7))
    await claimed(store)
    later = [a_new_job(a_spec(queue="mail"), due_ms=NOW_MS + at) for at in (5, 6)]
    await stored(store, *later, *(a_new_job(due_ms=NOW_MS - at) for at in (1, 3)))
    await store.queues.set_concurrency("mail", 4)
    await store.queues.set_rate("mail", Rate(10, 60_000))
    await store.queues.pause("idle", paused=True)
    assert await store.queues.all(now_ms=NOW_MS) == [
        QueueRecord("default", queued=2, running=1, oldest_due_at_ms=NOW_MS - 3),
        QueueRecord("idle", paused=True),
        QueueRecord("mail", concurrency=4, rate=Rate(10, 60_000), scheduled=2),
    ]


async def test_what_is_due_counts_as_queued_also_where_no_worker_has_looked(store: Store) -> None:
    await stored(store, a_new_job(), *(a_new_job(due_ms=NOW_MS + at) for at in (5, 6, 7)))
    found = await store.queues.all(now_ms=NOW_MS + 6)
    assert found == [QueueRecord("default", scheduled=1, queued=3, oldest_due_at_ms=NOW_MS)]


async def test_a_flood_of_one_product_does_not_starve_another(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, *(a_new_job(due_ms=NOW_MS - 10) for _ in range(300)))
    [other] = await stored(store, a_new_job(a_spec(product="other")))
    assert other in await claimed_ids(store, a_wish(slots=10))


async def test_one_slot_serves_a_flood_and_its_neighbour_in_turn(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, *(a_new_job(due_ms=NOW_MS - 10) for _ in range(20)))
    others = await stored(store, *(a_new_job(a_spec(product="other")) for _ in range(3)))
    taken = [await claimed_ids(store, a_wish(slots=1)) for _ in range(8)]
    assert {job_id for ids in taken for job_id in ids} >= set(others)


@pytest.mark.parametrize("groups", [63, 64, 65, 200])
async def test_every_one_of_many_groups_is_served_in_the_end(store: Store, groups: int) -> None:
    await hired(store, "w1")
    ids: list[str] = []
    for at in range(groups):
        spec = a_spec(concurrency_key=f"k{at:03}", concurrency_limit=5)
        ids += await stored(store, a_new_job(spec))
        await stored(store, a_new_job(spec), a_new_job(spec))
    served: set[str] = set()
    turns = 0
    while not served.issuperset(ids):
        served.update(await claimed_ids(store, a_wish(slots=50)))
        turns += 1
        assert turns <= 3 * groups // 50 + 2


async def test_a_higher_priority_comes_first_among_however_many_groups(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, *(a_new_job(a_spec(concurrency_key=f"k{at:03}")) for at in range(150)))
    await claimed(store, a_wish(slots=1))
    [urgent] = await stored(store, a_new_job(a_spec(product="zzz", priority=1)))
    assert await claimed_ids(store, a_wish(slots=1)) == [urgent]


async def test_the_oldest_comes_first_whatever_handler_it_needs(store: Store) -> None:
    await hired(store, "w1")
    asked = [("job:b", 3), ("job:a", 2), ("job:b", 1), (None, 4)]
    jobs = await stored(store, *(a_new_job(a_spec(needs=n), due_ms=NOW_MS - d) for n, d in asked))
    wish = a_wish(slots=1, handlers=frozenset({"job:a", "job:b"}))
    taken = [await claimed_ids(store, wish) for _ in asked]
    assert [one for ids in taken for one in ids] == [jobs[at] for at in (3, 0, 1, 2)]


async def test_one_slot_serves_each_of_many_queues_in_turn(store: Store) -> None:
    await hired(store, "w1")
    names = [f"q{at}" for at in range(150)]
    await stored(store, *(a_new_job(a_spec(queue=name)) for name in names * 2))
    one = a_wish(slots=1)
    served = [claim.run.spec.queue for _ in names for claim in await claimed(store, one)]
    assert sorted(served) == sorted(names)


async def test_what_waits_behind_many_queues_for_another_worker_is_claimed_at_once(
    store: Store,
) -> None:
    await hired(store, "w1")
    others = (a_new_job(a_spec(queue=f"q{at}", needs="job:other")) for at in range(150))
    await stored(store, *others)
    for name in ("a", "z", "q75"):
        [wanted] = await stored(store, a_new_job(a_spec(queue=name)))
        assert await claimed_ids(store) == [wanted]


async def test_one_slot_serves_each_product_of_many_queues(store: Store) -> None:
    await hired(store, "w1")
    groups = [(f"q{at}", product) for at in range(150) for product in ("a", "b")]
    specs = [a_spec(queue=queue, product=product) for queue, product in groups]
    await stored(store, *(a_new_job(spec) for spec in specs * 3))
    served: set[tuple[str, str]] = set()
    for _ in range(3 * 150):
        [claim] = await claimed(store, a_wish(slots=1))
        served.add((claim.run.spec.queue, claim.run.spec.product))
    assert served == set(groups)


async def test_a_flood_in_one_of_many_queues_does_not_starve_the_others(store: Store) -> None:
    await hired(store, "w1")
    names = [f"q{at}" for at in range(150)]
    await stored(store, *(a_new_job(a_spec(queue="q7"), due_ms=NOW_MS - 10) for _ in range(500)))
    await stored(store, *(a_new_job(a_spec(queue=name)) for name in names * 3))
    turns = [await claimed(store, a_wish(slots=50)) for _ in range(4 * len(names) // 50)]
    assert {claim.run.spec.queue for claims in turns for claim in claims} == set(names)
    assert sum(len(claims) < 50 for claims in turns) <= 1  # whoever finds less looks again


async def test_many_queues_are_drained_by_turns_that_tell_there_is_more(store: Store) -> None:
    """Most of what waits is paused, another worker's, or behind a gate that is full."""
    await hired(store, "w1")
    names = [f"q{at}" for at in range(300)]
    for name in names[::30]:
        await store.queues.pause(name, paused=True)
    gated = a_spec(concurrency_key="k", concurrency_limit=1)
    parts = [{"needs": "job:other"}, {"needs": "job:other"}, {}, {"needs": "job:other"}]
    asked = [a_spec(queue=name, **parts[at % 4]) for at, name in enumerate(names)]
    asked += [replace(gated, queue=name) for name in names[::2]]
    jobs = await stored(store, *(a_new_job(spec) for spec in asked))
    paused = set(names[::30])
    free = {
        job
        for job, spec in zip(jobs, asked, strict=True)
        if not spec.needs and spec.concurrency_key is None and spec.queue not in paused
    }
    got: set[str] = set()
    more = True
    while more:
        turn = await store.claims.turn(a_wish(slots=7), [], now_ms=NOW_MS)
        got.update(claim.run.job_id for claim in turn.claims)
        more = turn.more or turn.busy
    assert got >= free
    assert len(got - free) == 1
