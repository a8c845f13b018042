"""What is asked of PostgreSQL for many runs of one kind is asked once for all of them."""

import asyncio
from collections.abc import Sequence

import psycopg
import pytest

from ductape.domain.change import SettleAnswer
from ductape.domain.job import Claim
from ductape.domain.outcome import Outcome, Success
from ductape.domain.settlement import with_cache
from ductape.ports.stores.memory import Follows, Fresh, Leads
from ductape.stores.postgres.server.lines import AsyncLine
from ductape.stores.postgres.store import PostgresStore
from tests.builders import NOW_MS, a_failure, a_new_job, a_spec, an_entry, decide
from tests.conformance.caching import a_leader, followers, recalled, statuses
from tests.conformance.steps import claimed, hired, led, live, settled_leading, stored
from tests.postgres.counting import transactions


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Write down the statements."""
    statements: list[bytes] = []
    ask, change = AsyncLine.ask, AsyncLine.change

    async def asking(line: AsyncLine, sql: bytes, values: dict[str, object]) -> object:
        statements.append(sql)
        return await ask(line, sql, values)  # pyright: ignore[reportArgumentType] (as it was called)

    async def changing(line: AsyncLine, sql: bytes, values: dict[str, object]) -> int:
        statements.append(sql)
        return await change(line, sql, values)  # pyright: ignore[reportArgumentType] (as above)

    monkeypatch.setattr(AsyncLine, "ask", asking)
    monkeypatch.setattr(AsyncLine, "change", changing)
    return statements


async def leaders(store: PostgresStore, count: int) -> list[Claim]:
    """Let runs lead, each under a key of its own."""
    await hired(store, "w1")
    await stored(store, *(a_new_job(a_spec(retries=1)) for _ in range(count)))
    return [await led(store, claim, claim.run.job_id.encode()) for claim in await claimed(store)]


async def all_settled(
    store: PostgresStore, claims: Sequence[Claim], outcome: Outcome
) -> list[SettleAnswer]:
    ends = [
        with_cache(decide(one, outcome, NOW_MS), an_entry(one.run.cache_key or b""))
        for one in claims
    ]
    return await store.claims.settle(ends, now_ms=NOW_MS)


async def test_a_result_ends_all_followers_together(
    store: PostgresStore, asked: list[bytes]
) -> None:
    leader = await a_leader(store)
    ids = await followers(store, 5)
    asked.clear()
    assert await settled_leading(store, leader, Success(7)) == "recorded"
    assert sum(b"INSERT INTO" in sql and b".history" in sql for sql in asked) == 2  # the leader too
    assert await statuses(store, ids) == ["completed"] * 5


@pytest.mark.parametrize("outcome", [Success(7), a_failure("NOT_FOUND"), a_failure()])
async def test_many_leaders_are_settled_by_as_many_statements_as_one(
    store: PostgresStore, asked: list[bytes], outcome: Outcome
) -> None:
    claims = await leaders(store, 7)
    asked.clear()
    assert await all_settled(store, claims[:1], outcome) == ["recorded"]
    alone = len(asked)
    assert await all_settled(store, claims[1:], outcome) == ["recorded"] * 6
    assert len(asked) < 3 * alone


async def test_runs_that_ask_the_cache_at_once_are_answered_by_one_transaction(
    store: PostgresStore, quiet: psycopg.Connection
) -> None:
    await hired(store, "w1")
    await stored(store, *(a_new_job() for _ in range(20)))
    claims = await claimed(store)
    before = transactions(quiet)
    keys = [b"%d" % (at // 2) for at in range(20)]
    told = await asyncio.gather(*map(recalled, [store] * 20, claims, keys))
    assert transactions(quiet) - before == 1 + 1  # and this look
    assert told[::2] == [Leads()] * 10
    assert told[1::2] == [Follows(one.run.job_id) for one in claims[::2]]
    for at in range(20):
        run = await live(store, claims[at].run.job_id)
        assert (run.state, run.cache_key) == ("parked" if at % 2 else "running", keys[at])


async def test_whoever_finds_a_result_changes_nothing(
    store: PostgresStore, quiet: psycopg.Connection
) -> None:
    await settled_leading(store, await a_leader(store), Success(7))
    await stored(store, *(a_new_job() for _ in range(20)))
    claims = await claimed(store)
    before = transactions(quiet)
    told = await asyncio.gather(*(recalled(store, claim) for claim in claims))
    assert transactions(quiet) - before == 1  # this look
    assert told == [Fresh(7)] * 20


async def test_a_run_that_has_changed_hands_leads_nobody_who_asks_with_it(
    store: PostgresStore,
) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job(), a_new_job())
    gone, there = await claimed(store)
    await store.claims.settle([decide(gone, Success(1), NOW_MS)], now_ms=NOW_MS)
    told = await asyncio.gather(recalled(store, gone), recalled(store, there))
    assert told == [None, Leads()]
