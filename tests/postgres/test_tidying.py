"""The hot table is vacuumed by count, beside the work, and nobody is made to wait."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from ductape.domain.outcome import Success
from ductape.stores.postgres.schema.migrating import migrate
from ductape.stores.postgres.server.address import address_of
from ductape.stores.postgres.store import PostgresStore, open_postgres
from ductape.stores.postgres.upkeep import tidying
from ductape.testing.loop import VirtualClock
from ductape.worker.duties.tidying import keep_tidy
from tests.builders import NOW_MS, a_new_job, decide
from tests.conformance.steps import claimed, hired, stored
from tests.servers.postgres import PostgresServer

PATIENCE_S = 10


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let little be much."""
    monkeypatch.setattr(tidying, "LOOK_EVERY", 5)
    monkeypatch.setattr(tidying, "MOST_SETTLED", 10)
    monkeypatch.setattr(tidying, "MOST_DEAD", 1_000_000)


async def end_runs(store: PostgresStore, count: int) -> None:
    """Let some jobs come and go."""
    await stored(store, *(a_new_job() for _ in range(count)))
    ends = [decide(claim, Success(None), NOW_MS) for claim in await claimed(store)]
    await store.claims.settle(ends, now_ms=NOW_MS)


async def is_not_worn(store: PostgresStore) -> bool:
    """Tell whether tidying does not pay yet, as this process knows without asking anybody."""
    waiting = asyncio.create_task(store.upkeep.worn())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    return waiting.cancelled()


async def until_worn(store: PostgresStore) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await store.upkeep.worn()


def vacuums(root: psycopg.Connection, url: str) -> int:
    """Tell how often the table was vacuumed, other than by the server itself."""
    asked = f"SELECT pg_stat_get_vacuum_count('{address_of(url).schema}.runs'::regclass)"
    [[count]] = root.execute(asked.encode()).fetchall()
    return count


async def test_a_store_is_worn_after_so_many_ends(store: PostgresStore) -> None:
    await hired(store, "w1")
    await end_runs(store, 4)
    assert await is_not_worn(store)
    await end_runs(store, 6)
    await until_worn(store)


async def test_a_store_that_was_tidied_is_not_worn(
    store: PostgresStore, url: str, root: psycopg.Connection
) -> None:
    await hired(store, "w1")
    await end_runs(store, 20)
    assert await store.upkeep.tidy()
    assert vacuums(root, url) == 1
    assert await is_not_worn(store)


async def test_what_other_processes_leave_behind_counts(
    store: PostgresStore,
    url: str,
    root: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tidying, "MOST_SETTLED", 1_000_000)
    monkeypatch.setattr(tidying, "MOST_DEAD", 50)
    await hired(store, "w1")
    await stored(store, *(a_new_job(due_ms=NOW_MS + 1) for _ in range(60)))
    root.execute(f"SET search_path = {address_of(url).schema}".encode())
    root.execute("DELETE FROM runs")
    root.execute("SELECT pg_stat_force_next_flush()")
    await end_runs(store, 5)
    await until_worn(store)


async def test_who_meets_another_vacuum_goes_on_at_once(
    store: PostgresStore, url: str, root: psycopg.Connection
) -> None:
    with root.transaction():
        schema = address_of(url).schema
        root.execute(f"LOCK TABLE {schema}.runs IN SHARE UPDATE EXCLUSIVE MODE".encode())
        async with asyncio.timeout(PATIENCE_S):
            assert not await store.upkeep.tidy()
    assert await store.upkeep.tidy()


async def test_who_may_not_vacuum_says_so_once_and_goes_on(
    url: str,
    server: PostgresServer,
    root: psycopg.Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    schema = f"{address_of(url).schema}_lent"
    await migrate(f"{server.url}?schema={schema}")
    root.execute("CREATE ROLE sweeper LOGIN")
    root.execute(f"GRANT USAGE ON SCHEMA {schema} TO sweeper".encode())
    grant = f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO sweeper"
    root.execute(grant.encode())
    lent = f"postgresql://sweeper@127.0.0.1:{server.port}/postgres?schema={schema}"
    store = await open_postgres(lent, decide=decide, token="t")
    with caplog.at_level(logging.WARNING):
        assert [await store.upkeep.tidy() for _ in range(2)] == [False, False]
    assert caplog.text.count("may not vacuum") == 1
    await store.aclose()


@asynccontextmanager
async def tidied(store: PostgresStore) -> AsyncIterator[None]:
    """Have a worker keep a store tidy."""
    keeping = asyncio.create_task(keep_tidy(store, VirtualClock(NOW_MS), "w1"))
    yield
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_a_worker_tidies_what_is_worn(
    store: PostgresStore, url: str, root: psycopg.Connection
) -> None:
    await hired(store, "w1")
    async with tidied(store), asyncio.timeout(PATIENCE_S):
        while not vacuums(root, url):
            await end_runs(store, 20)


async def test_of_two_workers_one_tidies_at_a_time(
    store: PostgresStore, url: str, root: psycopg.Connection
) -> None:
    await hired(store, "w1")
    await store.upkeep.take_duty("tidy", "w2", now_ms=NOW_MS, lease_ms=60_000)
    async with tidied(store):
        for _ in range(3):
            await end_runs(store, 20)
            await asyncio.sleep(0)
    assert vacuums(root, url) == 0
