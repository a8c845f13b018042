"""What is stored beside a job, or beside a change of one: with it, or not at all."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from ductape.domain.change import SettleAnswer, Settlement
from ductape.domain.job import Claim, Run
from ductape.domain.operations import cancel, pause, retry
from ductape.domain.outcome import Cancelled, Interrupted, Outcome, Success
from ductape.domain.settlement import with_cache
from ductape.errors import StoreError
from ductape.ports.stores import Store
from ductape.ports.stores.intake import NewJob
from tests.builders import (
    NOW_MS,
    ZONES,
    a_failure,
    a_new_job,
    a_recurring_job,
    a_run,
    a_spec,
    a_wish,
    an_entry,
    an_id,
    decide,
)
from tests.conformance.steps import (
    applied,
    claimed,
    claimed_one,
    hired,
    led,
    lost,
    record,
    settled,
    stored,
)

A_DELIVERY = a_spec(event="webhook:partner")


def news(count: int = 1) -> tuple[Run, ...]:
    """Make runs to be stored beside something."""
    return tuple(a_run(A_DELIVERY) for _ in range(count))


async def there(store: Store, runs: Sequence[Run]) -> list[bool]:
    """Tell which of some runs are stored as they are."""
    found = [await store.reading.get(run.job_id) for run in runs]
    return [one is not None and one.live == run for one, run in zip(found, runs, strict=True)]


async def settled_with(
    store: Store, claim: Claim, outcome: Outcome, also: tuple[Run, ...]
) -> SettleAnswer:
    settlement = replace(decide(claim, outcome, NOW_MS), also=also)
    [answer] = await store.claims.settle([settlement], now_ms=NOW_MS)
    return answer


async def a_held_run(store: Store, retries: int = 0) -> Claim:
    await hired(store, "w1")
    await stored(store, a_new_job(a_spec(retries=retries)))
    return await claimed_one(store)


@pytest.mark.parametrize("outcome", [Success(1), a_failure(), Cancelled("no"), Interrupted()])
async def test_it_is_stored_with_a_settlement_and_can_be_claimed(
    store: Store, outcome: Outcome
) -> None:
    claim = await a_held_run(store, retries=1)
    also = news(2)
    assert await settled_with(store, claim, outcome, also) == "recorded"
    assert await there(store, also) == [True, True]
    assert {run.job_id for run in also} <= {one.run.job_id for one in await claimed(store)}


async def test_a_turn_that_settles_may_claim_it_at_once(store: Store) -> None:
    claim = await a_held_run(store)
    [delivery] = also = news()
    settlement = replace(decide(claim, Success(1), NOW_MS), also=also)
    turn = await store.claims.turn(a_wish(), [settlement], now_ms=NOW_MS)
    assert turn.answers == ["recorded"]
    assert [one.run.job_id for one in turn.claims] == [delivery.job_id]


async def test_of_many_ends_each_has_its_own(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, *(a_new_job() for _ in range(8)))
    claims = await claimed(store)
    beside = [news() if at % 2 else () for at in range(8)]
    settlements = [
        replace(decide(claim, Success(at), NOW_MS), also=beside[at])
        for at, claim in enumerate(claims)
    ]
    turn = await store.claims.turn(a_wish(slots=0), settlements, now_ms=NOW_MS)
    assert turn.answers == ["recorded"] * 8
    assert await there(store, [run for runs in beside for run in runs]) == [True] * 4


async def test_it_is_not_stored_by_a_lost_fence(store: Store) -> None:
    claim = await a_held_run(store)
    await lost(store, claim)
    also = news()
    assert await settled_with(store, claim, Success(1), also) == "fenced"
    assert await there(store, also) == [False]


async def test_it_is_not_stored_beside_a_stale_settlement(store: Store) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, a_recurring_job())
    claim = await claimed_one(store)
    await applied(store, pause(await record(store, job_id), now_ms=NOW_MS, zones=ZONES))
    also = news()
    assert await settled_with(store, claim, Success(1), also) == "stale"
    assert await there(store, also) == [False]


async def test_of_many_settlements_at_once_one_has_its_own_stored(store: Store) -> None:
    claim = await a_held_run(store)
    beside = [news() for _ in range(10)]
    answers = await asyncio.gather(
        *(settled_with(store, claim, Success(at), also) for at, also in enumerate(beside))
    )
    found = await there(store, [run for runs in beside for run in runs])
    assert found == [answer == "recorded" for answer in answers]
    assert found.count(True) == 1


async def test_it_is_stored_with_a_verb(store: Store) -> None:
    [job_id] = await stored(store, a_recurring_job())
    halted = pause(await record(store, job_id), now_ms=NOW_MS, zones=ZONES)
    assert halted is not None
    also = news()
    await applied(store, replace(halted, also=also))
    assert await there(store, also) == [True]


async def test_of_two_that_reopen_a_job_one_has_its_own_stored(store: Store) -> None:
    claim = await a_held_run(store)
    await settled(store, claim, a_failure())
    found = await record(store, claim.run.job_id)
    again = retry(found, delay_ms=0, now_ms=NOW_MS, zones=ZONES)
    assert again is not None
    beside = [news(), news()]
    both = [store.claims.settle([replace(again, also=also)], now_ms=NOW_MS) for also in beside]
    answers = await asyncio.gather(*both)
    assert sorted(answers) == [["fenced"], ["recorded"]]
    assert sorted(await there(store, [*beside[0], *beside[1]])) == [False, True]


async def test_what_was_told_of_going_back_is_not_stored_where_the_run_ends_instead(
    store: Store,
) -> None:
    claim = await a_held_run(store, retries=5)
    await store.claims.ask_cancel(claim.run.job_id, 1, reason=None)
    also = news()
    assert await settled_with(store, claim, a_failure(), also) == "recorded"
    assert (await record(store, claim.run.job_id)).status == "cancelled"
    assert await there(store, also) == [False]


async def test_it_is_stored_beside_a_leader_s_result(store: Store) -> None:
    leader = await led(store, await a_held_run(store))
    also = news()
    settlement = replace(with_cache(decide(leader, Success(1), NOW_MS), an_entry()), also=also)
    assert await store.claims.settle([settlement], now_ms=NOW_MS) == ["recorded"]
    assert await there(store, also) == [True]


def with_news(job: NewJob) -> NewJob:
    return replace(job, also=news(2))


@pytest.mark.parametrize(
    "job",
    [
        a_new_job(),
        a_new_job(due_ms=NOW_MS + 60_000),
        a_new_job(a_spec(key="a")),
        a_recurring_job(),
        a_recurring_job(twin=b"twin"),
    ],
    ids=["plain", "later", "keyed", "recurring", "twin"],
)
async def test_it_is_stored_with_a_new_job(store: Store, job: NewJob) -> None:
    asked = with_news(job)
    await stored(store, asked)
    assert await there(store, asked.also) == [True, True]


async def test_it_is_stored_with_every_job_of_a_batch(store: Store) -> None:
    jobs = [with_news(a_new_job()) for _ in range(20)] + [a_new_job()]
    await stored(store, *jobs)
    assert await there(store, [run for job in jobs for run in job.also]) == [True] * 40


async def test_jobs_that_arrive_at_once_have_theirs(store: Store) -> None:
    jobs = [with_news(a_new_job()) for _ in range(20)] + [a_new_job() for _ in range(20)]
    await asyncio.gather(*(stored(store, job) for job in jobs))
    assert await there(store, [run for job in jobs for run in job.also]) == [True] * 40


async def test_it_is_not_stored_for_a_job_that_is_there_already(store: Store) -> None:
    await stored(store, a_new_job(a_spec(key="a")), a_recurring_job(twin=b"twin"))
    again = [with_news(a_new_job(a_spec(key="a"))), with_news(a_recurring_job(twin=b"twin"))]
    answers = await store.intake.add(again, now_ms=NOW_MS)
    assert [answer.verdict for answer in answers] == ["existing", "existing"]
    assert await there(store, [run for job in again for run in job.also]) == [False] * 4


async def test_it_is_stored_with_a_new_definition(store: Store) -> None:
    known = an_id()
    spec = a_recurring_job().spec
    first = a_recurring_job(replace(spec, key="a"), id=known, digest=b"one")
    await stored(store, first)
    second = with_news(a_recurring_job(replace(spec, key="a"), id=known, digest=b"two"))
    [answer] = await store.intake.add([second], now_ms=NOW_MS)
    assert answer.verdict == "replaced"
    assert await there(store, second.also) == [True, True]


async def test_nothing_of_a_batch_with_a_conflict_is_stored(store: Store) -> None:
    await stored(store, a_new_job(a_spec(key="a")))
    plain = with_news(a_new_job())
    other = with_news(a_new_job(a_spec(key="a"), digest=b"other"))
    answers = await store.intake.add([plain, other], now_ms=NOW_MS)
    assert answers[1].verdict == "conflict"
    assert await there(store, [*plain.also, *other.also]) == [False] * 4


async def test_nothing_is_stored_for_a_product_that_has_changed(store: Store) -> None:
    for version in (0, 1):
        made = await store.products.put("orders", {}, b"1", after=version, now_ms=NOW_MS)
        assert made == version + 1
    jobs = [replace(with_news(a_new_job()), product_version=1) for _ in range(2)]
    for batch in (jobs[:1], jobs):
        answers = await store.intake.add(batch, now_ms=NOW_MS)
        assert {answer.verdict for answer in answers} == {"moved"}
    assert await there(store, [run for job in jobs for run in job.also]) == [False] * 4


async def test_it_is_stored_in_a_transaction_or_undone_with_it(store: Store) -> None:
    kept, undone = with_news(a_new_job()), with_news(a_new_job(a_spec(key="a")))

    async def undo() -> None:
        async with store.transactions.lend() as tx:
            await store.intake.add([undone], now_ms=NOW_MS, transaction=tx)
            raise LookupError

    async with store.transactions.lend() as tx:
        await store.intake.add([kept], now_ms=NOW_MS, transaction=tx)
    with pytest.raises(LookupError):
        await undo()
    assert await there(store, [*kept.also, *undone.also]) == [True, True, False, False]


async def test_a_cancelled_waiting_run_has_it_stored(store: Store) -> None:
    [job_id] = await stored(store, a_new_job(due_ms=NOW_MS + 1_000))
    ended = cancel(await record(store, job_id), "no", run_only=False, now_ms=NOW_MS, zones=ZONES)
    assert ended is not None
    also = news()
    await applied(store, Settlement(job_id, ended.run, ended.to, also=also))
    assert await there(store, also) == [True]


async def test_what_cannot_be_stored_undoes_the_change_that_it_tells_of(store: Store) -> None:
    claim = await a_held_run(store)
    taken = a_new_job()
    await stored(store, taken)
    assert taken.run is not None
    settlement = replace(decide(claim, Success(1), NOW_MS), also=(*news(), taken.run))
    with pytest.raises(StoreError):
        await store.claims.turn(a_wish(), [settlement], now_ms=NOW_MS)
    assert (await record(store, claim.run.job_id)).live == claim.run
    assert await there(store, settlement.also) == [False, True]
