"""A crash between a database's commit and its recording: the statement comes again (SPEC 9, 11).

What `{{run.idempotency_key}}` is good for: whoever keeps it in a unique column is written once.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import apsw
import psycopg
import pytest
from pymongo import MongoClient

from ductape import Ductape
from ductape.domain.jsonvalue import JsonObject
from tests.acceptance.dying import (
    LOST_ONCE,
    a_job,
    a_worker,
    after_a_death,
    applied,
    ended,
    tries,
    with_secrets,
)
from tests.servers.mariadb import MariaDb
from tests.servers.postgres import PostgresServer
from tests.servers.secantus import secantus

_made = count(1)

TABLES = (
    "CREATE TABLE payments (run_key varchar(80) UNIQUE, amount integer);"
    "CREATE TABLE entries (run_key varchar(80), amount integer)"
)
READ = {"payments": "SELECT * FROM payments", "entries": "SELECT * FROM entries"}
VALUES = "(run_key, amount) VALUES ({{run.idempotency_key}}, {{amount}})"


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def tables(postgres: PostgresServer) -> str:
    """Give the URL of a PostgreSQL database with both tables."""
    name = f"unrecorded_{next(_made)}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = f"{postgres.url.removesuffix('/postgres')}/{name}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES.encode())
    return url


UNLESS_THERE = "ON CONFLICT (run_key) DO NOTHING"
ONCE = {
    "postgresql": f"INSERT INTO payments {VALUES} {UNLESS_THERE}",
    "sqlite": f"INSERT INTO payments {VALUES} {UNLESS_THERE}",
    "mariadb": f"INSERT IGNORE INTO payments {VALUES}",
}


def a_database(kind: str, url: str) -> dict[str, object]:
    """Declare a database where one action may be done twice, and the other may not."""
    return {
        "tag": "main",
        "type": kind,
        "url": url,
        "actions": [
            {"tag": "pay", "type": "create", "template": ONCE[kind]},
            {"tag": "log", "type": "create", "template": f"INSERT INTO entries {VALUES}"},
        ],
    }


Rows = Callable[[str], list[tuple[Any, ...]]]
Place = tuple[dict[str, object], Rows]


@pytest.fixture
def on_postgresql(tables: str) -> Place:
    def rows(table: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(tables) as connection:
            return connection.execute(READ[table].encode()).fetchall()

    return a_database("postgresql", tables), rows


@pytest.fixture
async def on_mariadb(maria: MariaDb, store: str) -> Place:
    name = f"unrecorded_{next(_made)}"
    maria.sql(f"CREATE DATABASE {name}")
    maria.sql(TABLES, name)

    def rows(table: str) -> list[tuple[Any, ...]]:
        return [(key, int(str(amount))) for key, amount in maria.sql(READ[table], name)]

    await with_secrets(store, shop=f"{maria.url}/{name}")
    return a_database("mariadb", "$Secret{shop}"), rows


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Place:
    file = tmp_path / "shop.db"
    with closed(apsw.Connection(str(file))) as connection:
        connection.execute(TABLES)

    def read(table: str) -> list[tuple[Any, ...]]:
        with closed(apsw.Connection(str(file))) as connection:
            return connection.execute(READ[table]).fetchall()

    return a_database("sqlite", f"sqlite:///{file}"), read


@pytest.fixture(params=["postgresql", "sqlite", "mariadb"])
def ground(request: pytest.FixtureRequest) -> Place:
    """A database of each kind with both tables, and how its rows are read from outside."""
    made: Place = request.getfixturevalue(f"on_{request.param}")
    return made


@contextmanager
def closed(connection: apsw.Connection) -> Iterator[apsw.Connection]:
    try:
        yield connection
    finally:
        connection.close()


async def test_a_database_action_is_executed_again_under_the_same_key(
    store: str, ground: Place
) -> None:
    declared, rows = ground
    await applied(store, databases=[declared])
    view = await after_a_death(store, a_job("main:log", {"data": {"amount": 5}}))
    assert tries(view) == LOST_ONCE
    assert rows("entries") == [(f"{view['id']}:1", 5)] * 2


async def test_a_unique_key_makes_a_database_action_happen_once(store: str, ground: Place) -> None:
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
    async with await psycopg.AsyncConnection.connect(tables) as gate, a_worker(store) as worker:
        await gate.execute("LOCK TABLE payments")
        await until_waiting(tables)
        with closed(apsw.Connection(str(tmp_path / "jobs.db"))) as file:
            file.set_busy_timeout(10_000)
            file.execute("BEGIN IMMEDIATE")
            await gate.rollback()
            await until_there(gate)
            worker.kill()
            await worker.wait()
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
