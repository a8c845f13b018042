"""Rows are held in one order by everybody, and by one statement: nobody waits in a circle.

Somebody holds a row in the middle of the order; what is free then tells in which order the others
are taken.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from msgspec.structs import replace

from ductape.domain.operations import cancel, retry
from ductape.domain.outcome import Success
from ductape.domain.request import Repeat
from ductape.domain.settlement import with_cache
from ductape.ports.stores.intake import Added, NewJob
from ductape.ports.stores.memory import Selection
from ductape.stores.postgres.intake.keys import free_keys
from ductape.stores.postgres.server.address import address_of
from ductape.stores.postgres.server.lines import AsyncLine
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.settling.applying import Settling
from ductape.stores.postgres.store import PostgresStore
from tests.builders import (
    NOW_MS,
    ZONES,
    a_failure,
    a_new_job,
    a_recurring_job,
    a_spec,
    an_entry,
    decide,
)
from tests.conformance.steps import (
    applied,
    claimed,
    claimed_one,
    hired,
    led,
    record,
    settled,
    stored,
)
from tests.servers.postgres import PostgresServer

PATIENCE_S = 5
DAY_MS = 86_400_000
HOURLY, DAILY = Repeat(every_ms=3_600_000), Repeat(every_ms=DAY_MS)
NO_RUNS = "DELETE FROM {}.runs"
UPSIDE_DOWN = "edcba"
"""Keys in the order in which they are stored, and asked for again."""


class Rows:
    """One table, as somebody else sees it and holds rows of it."""

    def __init__(self, server: PostgresServer, table: str, column: str) -> None:
        self._server = server
        self._named, self._every = (
            sql.format(column=column, table=table)
            for sql in (
                "SELECT {column} FROM {table} WHERE {column} = ANY(%s) FOR UPDATE",
                "SELECT {column} FROM {table} FOR UPDATE SKIP LOCKED",
            )
        )

    @contextmanager
    def held(self, *values: str) -> Iterator[None]:
        with psycopg.connect(self._server.url) as other:
            assert len(other.execute(self._named.encode(), [list(values)]).fetchall()) == 1
            yield
            other.rollback()

    def free(self) -> set[str]:
        """Return what nobody holds at this moment."""
        with psycopg.connect(self._server.url) as other:
            found = {row[0] for row in other.execute(self._every.encode()).fetchall()}
            other.rollback()
        return found


@pytest.fixture
def keys(server: PostgresServer, url: str) -> Rows:
    return Rows(server, f"{address_of(url).schema}.job_keys", "key")


@pytest.fixture
def recurrences(server: PostgresServer, url: str) -> Rows:
    return Rows(server, f"{address_of(url).schema}.schedules", "job_id")


async def until_it_waits(root: psycopg.Connection) -> None:
    """Wait until a statement waits for somebody's lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with asyncio.timeout(PATIENCE_S):
        while root.execute(waiting).fetchall() == [(0,)]:  # noqa: ASYNC110 (another process's)
            await asyncio.sleep(0.01)


async def free_while_it_waits(
    root: psycopg.Connection, rows: Rows, held: str, work: Coroutine[object, object, object]
) -> set[str]:
    """Return what is free while work waits for a row that is held; then let it go on."""
    with rows.held(held):
        task = asyncio.create_task(work)
        await until_it_waits(root)
        free = rows.free()
    await asyncio.wait_for(task, PATIENCE_S)
    return free


def keyed(key: str) -> NewJob:
    return a_new_job(a_spec(key=key))


async def test_keys_that_are_known_are_held_in_one_order(
    store: PostgresStore, root: psycopg.Connection, keys: Rows
) -> None:
    await stored(store, *map(keyed, UPSIDE_DOWN))
    again = store.intake.add([*map(keyed, UPSIDE_DOWN)], now_ms=NOW_MS)
    assert await free_while_it_waits(root, keys, "c", again) == set("de")


async def test_keys_are_held_by_product_first_wherever_they_come_from(
    store: PostgresStore, root: psycopg.Connection, keys: Rows
) -> None:
    jobs = [a_new_job(a_spec(product=product, key=key)) for product, key in ("1z", "2a", "3c")]
    await stored(store, *jobs)
    again = store.intake.add([*reversed(jobs)], now_ms=NOW_MS)
    assert await free_while_it_waits(root, keys, "a", again) == {"c"}


async def test_keys_are_freed_in_the_order_in_which_they_are_taken(
    store: PostgresStore, root: psycopg.Connection, keys: Rows, url: str
) -> None:
    jobs = await stored(store, *map(keyed, UPSIDE_DOWN))
    root.execute(NO_RUNS.format(address_of(url).schema).encode())
    freeing = store._engine.write(lambda t: free_keys(t, jobs))
    assert await free_while_it_waits(root, keys, "c", freeing) == set("de")
    assert keys.free() == set()


async def test_recurrences_that_are_replaced_are_held_in_the_order_of_their_ids(
    store: PostgresStore, root: psycopg.Connection, recurrences: Rows
) -> None:
    first = [a_recurring_job(a_spec(key=key, repeat=HOURLY)) for key in UPSIDE_DOWN]
    jobs = await stored(store, *first)
    changed = [
        a_recurring_job(a_spec(key=key, repeat=DAILY), id=job_id, digest=b"other")
        for key, job_id in zip(UPSIDE_DOWN, jobs, strict=True)
    ]
    adding = store.intake.add(changed, now_ms=NOW_MS)
    assert await free_while_it_waits(root, recurrences, jobs[2], adding) == set(jobs[3:])
    assert (await record(store, jobs[0])).spec.repeat == DAILY


async def test_many_known_keys_cost_as_many_statements_as_one(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    rows = AsyncLine.rows

    async def counted(line: AsyncLine, sql: bytes, values: dict[str, object]) -> list[object]:
        asked.append(sql)
        return await rows(line, sql, values)  # pyright: ignore[reportArgumentType, reportReturnType]

    monkeypatch.setattr(AsyncLine, "rows", counted)
    await stored(store, *map(keyed, "abcdefghij"))
    asked.clear()
    assert await again(store, "a") == {"existing"}
    alone = len(asked)
    assert await again(store, "abcdefghij") == {"existing"}
    assert len(asked) == 2 * alone


async def again(store: PostgresStore, keys: str) -> set[str]:
    """Ask for jobs once more; return what is answered."""
    answers: list[Added] = await store.intake.add([*map(keyed, keys)], now_ms=NOW_MS)
    return {answer.verdict for answer in answers}


async def test_a_recurrence_whose_key_is_in_somebody_s_hands_is_pruned_later(
    store: PostgresStore, keys: Rows, recurrences: Rows
) -> None:
    jobs = [a_recurring_job(a_spec(key=key, repeat=HOURLY)) for key in "ab"]
    held, pruned = await stored(store, *jobs)
    for job_id in (held, pruned):
        ended = cancel(
            await record(store, job_id), None, run_only=False, now_ms=NOW_MS, zones=ZONES
        )
        await applied(store, ended)
    with keys.held("a"):
        await asyncio.wait_for(prune(store), PATIENCE_S)
        assert recurrences.free() == {held}
    await prune(store)
    assert (keys.free(), recurrences.free()) == (set(), set())


async def prune(store: PostgresStore) -> None:
    """Prune what ended by tomorrow."""
    await store.upkeep.prune(
        completed_before_ms=NOW_MS + DAY_MS,
        failed_before_ms=NOW_MS + DAY_MS,
        now_ms=NOW_MS + DAY_MS,
        limit=100,
    )


@pytest.mark.parametrize("rival", [b"same", b"other"])
async def test_a_key_whose_job_was_taken_away_and_that_is_not_freed_yet_is_free(
    store: PostgresStore, root: psycopg.Connection, url: str, rival: bytes
) -> None:
    [gone] = await stored(store, keyed("a"))
    root.execute(NO_RUNS.format(address_of(url).schema).encode())
    job = replace(keyed("a"), digest=rival)
    assert await store.intake.add([job], now_ms=NOW_MS) == [Added("added", job.job_id)]
    await store._engine.write(lambda t: free_keys(t, [gone]))
    held = await store.intake.holder("orders", "prd", "a")
    assert held is not None
    assert (held.job_id, held.digest) == (job.job_id, rival)


async def test_a_job_that_is_being_reopened_keeps_its_key_though_its_run_is_old(
    store: PostgresStore,
) -> None:
    await hired(store, "w1")
    [job_id] = await stored(store, keyed("a"))
    await settled(store, await claimed_one(store), a_failure("NOT_FOUND"))
    again = retry(await record(store, job_id), delay_ms=0, now_ms=NOW_MS, zones=ZONES)
    assert again is not None
    opened, pruned = asyncio.Event(), asyncio.Event()

    async def reopen(transaction: Transaction) -> None:
        await Settling(decide).settle_all(transaction, [again], NOW_MS)
        opened.set()
        await pruned.wait()

    reopening = asyncio.create_task(store._engine.write(reopen))
    await opened.wait()
    await asyncio.wait_for(prune(store), PATIENCE_S)
    pruned.set()
    await reopening
    await prune(store)
    assert (await record(store, job_id)).status == "queued"
    assert await store.intake.holder("orders", "prd", "a") is not None


@pytest.fixture
def entries(server: PostgresServer, url: str) -> Rows:
    return Rows(server, f"{address_of(url).schema}.cache_entries", "convert_from(key, 'UTF8')")


async def left_entries(store: PostgresStore) -> None:
    """Leave results under keys, upside down; they are stale by now."""
    for key in UPSIDE_DOWN:
        await store.memory.leave(an_entry(key.encode(), expires_ms=NOW_MS), 1, now_ms=NOW_MS)


async def test_cached_results_are_cleared_in_the_order_of_their_keys(
    store: PostgresStore, root: psycopg.Connection, entries: Rows
) -> None:
    await left_entries(store)
    clearing = store.memory.clear(Selection("orders", "quotes"))
    assert await free_while_it_waits(root, entries, "c", clearing) == set("de")
    assert entries.free() == set()


async def test_results_that_are_stored_together_are_stored_in_the_order_of_their_keys(
    store: PostgresStore, root: psycopg.Connection, entries: Rows
) -> None:
    await hired(store, "w1")
    await left_entries(store)
    await stored(store, *(a_new_job() for _ in UPSIDE_DOWN))
    leaders = [
        await led(store, claim, key.encode())
        for claim, key in zip(await claimed(store), UPSIDE_DOWN, strict=True)
    ]
    ends = [
        with_cache(decide(one, Success(2), NOW_MS), an_entry(one.run.cache_key or b""))
        for one in leaders
    ]
    settling = store.claims.settle(ends, now_ms=NOW_MS)
    assert await free_while_it_waits(root, entries, "c", settling) == set("de")
