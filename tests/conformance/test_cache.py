"""What every store must do when a run asks the cache: lead, follow, be answered (SPEC 7)."""

import asyncio

import pytest

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.outcome import Cancelled, Lost, Success
from ductape.ports.stores import Store
from ductape.ports.stores.memory import Follows, Fresh, Leads
from tests.builders import (
    NOW_MS,
    a_new_job,
)
from tests.conformance.caching import a_claim, a_leader, recalled
from tests.conformance.steps import (
    claimed,
    hired,
    led,
    live,
    record,
    settled,
    settled_leading,
    stored,
)


async def test_the_first_of_equal_runs_leads(store: Store) -> None:
    await hired(store, "w1")
    assert await recalled(store, await a_claim(store)) == Leads()


async def test_a_leader_that_asks_again_still_leads(store: Store) -> None:
    leader = await a_leader(store)
    assert await recalled(store, leader) == Leads()


async def test_an_equal_run_follows_the_leader(store: Store) -> None:
    leader = await a_leader(store)
    assert await recalled(store, await a_claim(store)) == Follows(leader.run.job_id)


async def test_a_run_with_another_key_does_not_follow(store: Store) -> None:
    await a_leader(store)
    assert await recalled(store, await a_claim(store), b"other") == Leads()


async def test_of_a_hundred_equal_runs_at_once_one_leads(store: Store) -> None:
    await hired(store, "w1")
    await stored(store, *(a_new_job() for _ in range(100)))
    claims = await claimed(store)
    answers = await asyncio.gather(*(recalled(store, claim) for claim in claims))
    assert answers.count(Leads()) == 1
    leader = claims[answers.index(Leads())].run.job_id
    assert answers.count(Follows(leader)) == 99


async def test_a_follower_is_parked_out_of_the_hands_of_its_worker(store: Store) -> None:
    await a_leader(store)
    claim = await a_claim(store)
    await recalled(store, claim)
    run = await live(store, claim.run.job_id)
    assert (run.state, run.worker, run.started_at_ms, run.first_started_at_ms) == (
        "parked",
        None,
        None,
        None,
    )
    assert (await record(store, run.job_id)).status == "queued"
    assert await claimed(store) == []
    assert await settled(store, claim, Success(1)) == "fenced"


async def test_a_lost_fence_is_told_nothing(store: Store) -> None:
    await hired(store, "w1")
    claim = await a_claim(store)
    await settled(store, claim, Lost("dead"))
    assert await recalled(store, claim) is None


async def test_a_run_that_was_asked_to_stop_is_not_parked(store: Store) -> None:
    await a_leader(store)
    claim = await a_claim(store)
    await store.claims.ask_cancel(claim.run.job_id, 1, reason=None)
    assert await recalled(store, claim) == Leads()
    assert await settled(store, claim, Cancelled(None)) == "recorded"


async def test_a_fresh_entry_answers(store: Store) -> None:
    leader = await a_leader(store)
    await settled_leading(store, leader, Success({"price": 7}), expires_ms=NOW_MS + 100)
    claim = await a_claim(store)
    assert await recalled(store, claim, now_ms=NOW_MS + 99) == Fresh({"price": 7})


async def test_an_expired_entry_does_not_answer(store: Store) -> None:
    leader = await a_leader(store)
    await settled_leading(store, leader, Success(7), expires_ms=NOW_MS + 100)
    assert await recalled(store, await a_claim(store), now_ms=NOW_MS + 100) == Leads()


async def test_the_entry_of_another_key_does_not_answer(store: Store) -> None:
    leader = await a_leader(store)
    await settled_leading(store, leader, Success(7))
    assert await recalled(store, await a_claim(store), b"other") == Leads()


@pytest.mark.parametrize("result", [None, False, 0, "", [], {}])
async def test_an_entry_may_hold_any_json(store: Store, result: JsonValue) -> None:
    leader = await a_leader(store)
    await settled_leading(store, leader, Success(result))
    answer = await recalled(store, await a_claim(store))
    assert isinstance(answer, Fresh)
    assert (answer.result, type(answer.result)) == (result, type(result))


async def test_a_later_result_replaces_the_entry(store: Store) -> None:
    await settled_leading(store, await a_leader(store), Success(1), expires_ms=NOW_MS + 1)
    second = await a_claim(store)
    assert await recalled(store, second, now_ms=NOW_MS + 2) == Leads()
    await settled_leading(store, await led(store, second, now_ms=NOW_MS + 2), Success(2))
    assert await recalled(store, await a_claim(store), now_ms=NOW_MS + 2) == Fresh(2)
