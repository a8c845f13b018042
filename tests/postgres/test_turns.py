"""A turn on PostgreSQL waits for nobody in a circle."""

import asyncio

import psycopg

from ductape.stores.postgres.address import address_of
from ductape.stores.postgres.store import PostgresStore
from tests.builders import LEASE_MS, NOW_MS, a_new_job, a_wish
from tests.conformance.steps import hired, stored

PATIENCE_S = 5


async def test_a_turn_does_not_wait_for_whoever_renews_its_lease_at_that_moment(
    store: PostgresStore, root: psycopg.Connection, url: str
) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job())
    workers = f"{address_of(url).schema}.workers"
    with root.transaction():
        root.execute(f"SELECT FROM {workers} FOR UPDATE".encode())
        async with asyncio.timeout(PATIENCE_S):
            turn = await store.claims.turn(a_wish("w1"), [], now_ms=NOW_MS)
    assert (turn.leased, len(turn.claims)) == (True, 1)


async def test_a_lease_that_has_run_out_is_not_taken_for_one_that_somebody_renews(
    store: PostgresStore, root: psycopg.Connection, url: str
) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job())
    workers = f"{address_of(url).schema}.workers"
    with root.transaction():
        root.execute(f"SELECT FROM {workers} FOR UPDATE".encode())
        turn = await store.claims.turn(a_wish("w1"), [], now_ms=NOW_MS + LEASE_MS + 1)
    assert (turn.leased, turn.claims) == (False, [])
