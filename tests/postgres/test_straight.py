"""A worker in the thick of it settles and claims by one wait on PostgreSQL, as if it had looked."""

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import pytest

from ductape.domain.change import Settlement
from ductape.domain.job import Claim
from ductape.domain.outcome import Success
from ductape.errors import StoreError
from ductape.stores.postgres.server.address import address_of
from ductape.stores.postgres.store import PostgresStore
from tests.builders import NOW_MS, a_new_job, a_recurring_job, a_spec, a_wish, decide
from tests.conformance.steps import claimed, claimed_ids, hired, lost, stored
from tests.postgres.counting import transactions
from tests.servers.proxy import Proxy

PATIENCE_S = 10
FEW = a_wish(slots=2)


async def flood(store: PostgresStore, count: int = 6) -> list[Claim]:
    """Let a worker find many runs of one group and take two of them."""
    await hired(store, "w1")
    await stored(store, *(a_new_job() for _ in range(count)))
    taken = await claimed(store, FEW)
    assert len(taken) == FEW.slots
    return taken


def ends(claims: list[Claim]) -> list[Settlement]:
    """Complete runs."""
    return [decide(claim, Success(None), NOW_MS) for claim in claims]


async def test_all_of_it_is_done_before_the_first_answer_is_there(
    far: PostgresStore, line: Proxy, url: str, root: psycopg.Connection
) -> None:
    first = await flood(far)
    line.swallow_answers()
    at_ms = NOW_MS + 1
    turn = asyncio.create_task(far.claims.turn(FEW, ends(first), now_ms=at_ms))
    schema = address_of(url).schema
    both = "SELECT count(*), (SELECT count(*) FROM {0}.runs WHERE worker = 'w1') FROM {0}.history"
    seen = both.format(schema).encode()
    async with asyncio.timeout(PATIENCE_S):
        while root.execute(seen).fetchall() != [(2, 2)]:  # noqa: ASYNC110 (another process's)
            await asyncio.sleep(0.01)
    line.cut()
    with pytest.raises(StoreError):
        await turn
    found = await far.claims.claimed("w1", at_ms=at_ms)
    assert len(found) == FEW.slots


async def another_product(store: PostgresStore) -> None:
    await stored(store, a_new_job(a_spec(product="late")))


async def more_urgent(store: PostgresStore) -> None:
    await stored(store, a_new_job(a_spec(priority=9)))


async def lost_once(store: PostgresStore) -> None:
    [claim, *_] = await claimed(store, a_wish(slots=1))
    await lost(store, claim)


@pytest.mark.parametrize(
    ("comes", "is_it"),
    [
        (another_product, lambda claim: claim.run.spec.product == "late"),
        (more_urgent, lambda claim: claim.run.spec.priority == 9),
        (lost_once, lambda claim: claim.run.losses == 1),
    ],
)
async def test_whatever_has_come_since_is_weighed(
    store: PostgresStore,
    comes: Callable[[PostgresStore], Awaitable[None]],
    is_it: Callable[[Claim], bool],
) -> None:
    first = await flood(store)
    await comes(store)
    turn = await store.claims.turn(FEW, ends(first), now_ms=NOW_MS)
    assert turn.answers == ["recorded"] * len(first)
    assert any(is_it(claim) for claim in turn.claims)


async def test_a_queue_that_was_paused_since_gives_nothing(store: PostgresStore) -> None:
    first = await flood(store)
    await store.queues.pause(first[0].run.spec.queue, paused=True)
    turn = await store.claims.turn(FEW, ends(first), now_ms=NOW_MS)
    assert (turn.answers, turn.claims) == (["recorded"] * len(first), [])


async def test_of_what_one_worker_has_seen_another_takes_what_is_its_own(
    store: PostgresStore,
) -> None:
    await hired(store, "w1", "w2")
    await stored(store, *(a_new_job(a_spec(needs="job:a")) for _ in range(6)))
    able = a_wish(handlers=frozenset({"job:a"}), slots=2)
    assert len(await claimed(store, able)) == 2
    assert await claimed(store, a_wish("w2")) == []
    assert len(await claimed(store, able)) == 2
    assert await claimed(store, a_wish("w2", queues=("other",), handlers=able.handlers)) == []


async def test_what_nobody_here_can_do_is_looked_at_once(
    store: PostgresStore, quiet: psycopg.Connection
) -> None:
    await hired(store, "w1")
    await stored(store, *(a_new_job(a_spec(needs="job:a")) for _ in range(6)))
    spent: list[int] = []
    for _ in range(2):
        before = transactions(quiet)
        assert await claimed(store) == []
        spent.append(transactions(quiet) - before)
    assert spent[1] == spent[0]


async def test_an_occurrence_comes_with_its_recurrence(store: PostgresStore) -> None:
    first = await flood(store, 2)
    [job_id] = await stored(store, a_recurring_job())
    turn = await store.claims.turn(FEW, ends(first), now_ms=NOW_MS)
    [claim] = turn.claims
    assert claim.schedule is not None
    assert (claim.run.job_id, claim.schedule.job_id) == (job_id, job_id)


async def test_what_falls_due_in_the_thick_of_it_is_queued_by_the_turn_after(
    store: PostgresStore,
) -> None:
    first = await flood(store)
    [later] = await stored(store, a_new_job(a_spec(priority=9), due_ms=NOW_MS + 5))
    at_ms = NOW_MS + 10
    turn = await store.claims.turn(FEW, ends(first), now_ms=at_ms)
    assert turn.next_turn_ms is not None
    assert turn.next_turn_ms <= at_ms
    assert later in await claimed_ids(store, now_ms=at_ms)


async def test_what_was_settled_is_told_although_nobody_could_look(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await flood(store)
    await another_product(store)

    async def fails(*_: object) -> None:
        raise StoreError("gone", path="store")

    monkeypatch.setattr(store.claims, "_ordinary", fails)
    turn = await store.claims.turn(FEW, ends(first), now_ms=NOW_MS)
    assert (turn.answers, turn.claims, turn.busy) == (["recorded"] * len(first), [], True)
