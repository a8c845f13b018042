"""A crash between a database's commit and its recording: the statement comes again (SPEC 9, 11).

What `{{run.idempotency_key}}` is good for: whoever keeps it in a unique column is written once.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import psycopg
import pytest
from pymongo import MongoClient

from ductape import Ductape
from ductape.domain.jsonvalue import JsonObject
from tests.acceptance.dying import LOST_ONCE, a_job, a_worker, after_a_death, applied, ended, tries
from tests.servers.secantus import secantus

TABLES = (
    "CREATE TABLE payments (run_key varchar(80) UNIQUE, amount integer);"
    "CREATE TABLE lines (run_key varchar(80), amount integer)"
)
READ = {"payments": "SELECT * FROM payments", "lines": "SELECT * FROM lines"}
VALUES = "(run_key, amount) VALUES ({{run.idempotency_key}}, {{amount}})"


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def tables(database: str) -> str:
    """Give the URL of a PostgreSQL database with both tables."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(TABLES.encode())
    return database


def a_database(kind: str, url: str) -> dict[str, object]:
    """Declare a database where one action may be done twice, and the other may not."""
    once = f"INSERT INTO payments {VALUES} ON CONFLICT (run_key) DO NOTHING"
    return {
        "tag": "main",
        "type": kind,
        "url": url,
        "actions": [
            {"tag": "pay", "type": "create", "template": once},
            {"tag": "log", "type": "create", "template": f"INSERT INTO lines {VALUES}"},
        ],
    }


Rows = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(params=["postgresql", "sqlite"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[dict[str, object], Rows]:
    """A database of each kind with both tables, and how its rows are read from outside."""
    if request.param == "postgresql":
        url = request.getfixturevalue("tables")

        def rows(table: str) -> list[tuple[Any, ...]]:
            with psycopg.connect(url) as connection:
                return connection.execute(READ[table].encode()).fetchall()

        return a_database("postgresql", url), rows
    file = tmp_path / "shop.db"
    with closed(apsw.Connection(str(file))) as connection:
        connection.execute(TABLES)

    def read(table: str) -> list[tuple[Any, ...]]:
        with closed(apsw.Connection(str(file))) as connection:
            return connection.execute(READ[table]).fetchall()

    return a_database("sqlite", f"sqlite:///{file}"), read


@contextmanager
def closed(connection: apsw.Connection) -> Iterator[apsw.Connection]:
    try:
        yield connection
    finally:
        connection.close()


async def test_a_database_action_is_executed_again_under_the_same_key(
    store: str, ground: tuple[dict[str, object], Rows]
) -> None:
    declared, rows = ground
    await applied(store, databases=[declared])
    view = await after_a_death(store, a_job("main:log", {"data": {"amount": 5}}))
    assert tries(view) == LOST_ONCE
    assert rows("lines") == [(f"{view['id']}:1", 5)] * 2


async def test_a_unique_key_makes_a_database_action_happen_once(
    store: str, ground: tuple[dict[str, object], Rows]
) -> None:
    declared, rows = ground
    await applied(store, databases=[declared])
    view = await after_a_death(store, a_job("main:pay", {"data": {"amount": 5}}))
    assert (tries(view), view["result"]) == (LOST_ONCE, {"count": 0})
    assert rows("payments") == [(f"{view['id']}:1", 5)]


async def test_it_is_so_for_documents(store: str) -> None:
    # SecantusDB, which speaks MongoDB's protocol: no mongod.
    once = {
        "collection": "payments",
        "filter": {"_id": "{{run.idempotency_key}}"},
        "update": {"$setOnInsert": {"amount": "{{amount}}"}},
        "upsert": True,
    }
    line = {"run_key": "{{run.idempotency_key}}", "amount": "{{amount}}"}
    twice = {"collection": "lines", "document": line}
    with secantus() as server, MongoClient[JsonObject](server.url) as client:
        actions = [
            {"tag": "pay", "type": "update", "template": once},
            {"tag": "log", "type": "create", "template": twice},
        ]
        declared = {"tag": "main", "type": "mongodb", "url": f"{server.url}/shop"}
        await applied(store, databases=[{**declared, "actions": actions}])
        paid = await after_a_death(store, a_job("main:pay", {"data": {"amount": 5}}))
        logged = await after_a_death(store, a_job("main:log", {"data": {"amount": 5}}))
        payments = list(client["shop"]["payments"].find({}))
        lines = list(client["shop"]["lines"].find({}, {"_id": 0}))
    assert (tries(paid), tries(logged)) == (LOST_ONCE, LOST_ONCE)
    assert payments == [{"_id": f"{paid['id']}:1", "amount": 5}]
    assert lines == [{"run_key": f"{logged['id']}:1", "amount": 5}] * 2


async def test_a_worker_that_hangs_on_the_stores_lock_when_it_dies_is_no_other_case(
    store: str, tables: str, tmp_path: Path
) -> None:
    # Nothing in the worker is ours here: the row is there, and its store does not take the result.
    await applied(store, databases=[a_database("postgresql", tables)])
    asked = a_job("main:pay", {"data": {"amount": 5}})
    async with Ductape.open(store, config={}, worker=False) as ductape:
        job_id = (await ductape.processor.job.dispatch(asked))["job_id"]
    async with await psycopg.AsyncConnection.connect(tables) as gate, a_worker(store) as process:
        await gate.execute("LOCK TABLE payments")
        await until_waiting(tables)
        with closed(apsw.Connection(str(tmp_path / "jobs.db"))) as file:
            file.set_busy_timeout(10_000)
            file.execute("BEGIN IMMEDIATE")
            await gate.rollback()
            await until_there(gate)
            process.send_signal(signal.SIGKILL)
            await process.wait()
            file.execute("ROLLBACK")
        view = await ended(store, job_id)
        rows = await (await gate.execute("SELECT * FROM payments")).fetchall()
    assert (tries(view), view["result"]) == (LOST_ONCE, {"count": 0})
    assert rows == [(f"{job_id}:1", 5)]


async def until_waiting(url: str) -> None:
    """Wait until somebody's statement waits for a lock on the server."""
    waiting = b"SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as looking:
        async with asyncio.timeout(30):
            while await (await looking.execute(waiting)).fetchone() is None:  # noqa: ASYNC110 (the server tells nobody)
                await asyncio.sleep(0.01)


async def until_there(connection: psycopg.AsyncConnection[Any]) -> None:
    """Wait until the payment is committed."""
    async with asyncio.timeout(30):
        while await (await connection.execute("SELECT 1 FROM payments")).fetchone() is None:
            await connection.rollback()
            await asyncio.sleep(0.01)
    await connection.rollback()
