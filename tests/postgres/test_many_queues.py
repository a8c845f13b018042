"""Of thousands of queues with work a turn looks at some, and no turn waits more often for it."""

import asyncio

import psycopg
import pytest

from ductape.errors import StoreError
from ductape.ports.stores.claims import Wish
from ductape.stores.postgres.server.address import address_of
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.store import PostgresStore
from tests.builders import NOW_MS, a_new_job, a_spec, a_wish
from tests.conformance.steps import claimed, hired, stored
from tests.servers.proxy import Proxy

PATIENCE_S = 10
TEN = a_wish(slots=10)
SCANS = b"SELECT sum(idx_scan)::integer FROM pg_stat_xact_user_tables WHERE relname = 'runs'"
"""Of this connection, since it last told the server's statistics of them."""


async def waiting(store: PostgresStore, *, queues: int, each: int = 2, needs: str = "") -> None:
    """Store runs in many queues."""
    specs = [a_spec(queue=f"q{at:04d}", needs=needs or None) for at in range(queues)]
    for _ in range(each):
        await stored(store, *(a_new_job(spec) for spec in specs))


async def scans_of_claiming(store: PostgresStore, wish: Wish = TEN) -> int:
    """Claim; return how often the indexes of what waits were gone into."""

    async def counted(transaction: Transaction) -> tuple[int, int]:
        [(before,)] = await transaction.line.rows(SCANS, {})
        turn, *_ = await store.claims._turn(transaction, wish, [], NOW_MS)
        [(after,)] = await transaction.line.rows(SCANS, {})
        return len(turn.claims), after - before

    claims, scans = await store._engine.piped(counted)
    assert claims == wish.slots
    return scans


async def test_claiming_looks_at_some_of_many_queues(store: PostgresStore) -> None:
    await hired(store, "w1")
    await waiting(store, queues=100)
    few = await scans_of_claiming(store)
    await waiting(store, queues=2_000)
    assert 0 < await scans_of_claiming(store) < 2 * few


async def test_who_has_seen_some_of_many_queues_claims_and_looks_on_by_one_wait(
    far: PostgresStore, line: Proxy, url: str, root: psycopg.Connection
) -> None:
    await hired(far, "w1")
    await waiting(far, queues=150)
    served = [claim.run.spec.queue for claim in await claimed(far, TEN)]
    line.swallow_answers()
    at_ms = NOW_MS + 1
    turn = asyncio.create_task(far.claims.turn(TEN, [], now_ms=at_ms))
    taken = "SELECT queue FROM {0}.runs WHERE worker = 'w1' ORDER BY queue"
    seen = taken.format(address_of(url).schema).encode()
    async with asyncio.timeout(PATIENCE_S):
        while len(queues := root.execute(seen).fetchall()) != 20:  # noqa: ASYNC110 (another process's)
            await asyncio.sleep(0.01)
    line.cut()
    with pytest.raises(StoreError):
        await turn
    assert sorted(served) == [f"q{at:04d}" for at in range(10)]
    assert [row[0] for row in queues] == [f"q{at:04d}" for at in range(20)]


async def test_what_comes_to_a_queue_that_was_seen_is_weighed(store: PostgresStore) -> None:
    await hired(store, "w1")
    await waiting(store, queues=150)
    await claimed(store, TEN)
    [urgent] = await stored(store, a_new_job(a_spec(queue="q0012", priority=9)))
    assert urgent in [claim.run.job_id for claim in await claimed(store, TEN)]


async def test_a_queue_of_ones_own_among_those_of_others_is_found_and_then_known(
    store: PostgresStore,
) -> None:
    await hired(store, "w1")
    await waiting(store, queues=300, needs="job:other")
    own = [a_new_job(a_spec(queue="q0200")) for _ in range(60)]
    await stored(store, *own)
    taken = [len(await claimed(store, TEN)) for _ in range(6)]
    assert taken == [TEN.slots] * 6
    assert await claimed(store, TEN) == []
