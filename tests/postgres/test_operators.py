"""What an operator may have set for his database: all works, or opening says what is wrong."""

import asyncio
from itertools import count

import psycopg
import pytest

from ductape import Ductape, Handlers, JobFailed, WorkerOptions
from ductape.errors import StoreError
from ductape.stores.postgres.server.address import address_of
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.store import open_postgres
from tests.builders import LEASE_MS, NOW_MS, a_worker, decide
from tests.servers.postgres import PostgresServer

KEY = "k1:" + "A" * 43
TEXT = "Grüße ✓ 日本 \\ ' \" back\\slash"
PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": tag, "handler": "python"} for tag in ("echo", "fail")],
}
SHORT = WorkerOptions(concurrency=20, upkeep_ms=200)
SETTINGS = {
    "serializable": ["default_transaction_isolation = 'serializable'"],
    "repeatable read": ["default_transaction_isolation = 'repeatable read'"],
    "zone": ["TimeZone = 'Asia/Kathmandu'", "DateStyle = 'German, DMY'"],
    "strings": ["standard_conforming_strings = off", "bytea_output = 'escape'"],
    "clients": ["client_encoding = 'LATIN1'"],
    "nulls": ["array_nulls = off", "transform_null_equals = on"],
    "search_path": ["search_path = ''"],
    "statements": ["statement_timeout = '20ms'", "lock_timeout = '1ms'"],
    "idle": ["idle_session_timeout = '200ms'", "idle_in_transaction_session_timeout = '100ms'"],
    "silence": ["idle_in_transaction_session_timeout = '1ms'"],
    "transactions": ["transaction_timeout = '20ms'"],
    "plans": ["enable_indexscan = off", "plan_cache_mode = 'force_custom_plan'"],
}
_made = count(1)


def a_request(event: str = "echo", **parts: object) -> dict[str, object]:
    asked = {"product_tag": "shop", "env": "dev", "event": event, "start_at": 0}
    return {**asked, "input": {"said": TEXT}, **parts}


def handlers() -> Handlers:
    made = Handlers()

    @made.job("echo")
    async def echo(given: dict[str, str]) -> str:
        return given["said"]

    @made.job("fail")
    async def fail() -> None:
        raise RuntimeError(TEXT)

    return made


def a_database(root: psycopg.Connection, how: str = "") -> str:
    """Make a database; return its name."""
    name = f"operators_{next(_made)}"
    root.execute(f"CREATE DATABASE {name} TEMPLATE template0 {how}".encode())
    return name


def url_of(server: PostgresServer, database: str) -> str:
    return f"{server.url.removesuffix('/postgres')}/{database}"


@pytest.mark.parametrize("name", SETTINGS)
async def test_what_a_database_has_by_default_changes_nothing_for_us(
    server: PostgresServer, root: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("DUCTAPE_KEY", KEY)
    database = a_database(root)
    for setting in SETTINGS[name]:
        root.execute(f"ALTER DATABASE {database} SET {setting}".encode())
    url = url_of(server, database)
    async with Ductape.open(url, handlers=handlers(), worker=SHORT) as ductape:
        await ductape.products.apply(PRODUCT)
        job = ductape.processor.job
        assert await job.schedule(a_request(metadata={"of": TEXT}), timeout=20) == TEXT
        assert len(await ductape.jobs.list(metadata={"of": TEXT})) == 1
        with pytest.raises(JobFailed, match="back"):
            await job.schedule(a_request("fail"), timeout=20)
        receipts = await job.dispatch_many([a_request() for _ in range(150)])
        assert await job.wait(receipts[-1]["job_id"], timeout=20) == TEXT
        held = a_request(concurrency_key="c", concurrency_limit=1, key=TEXT)
        assert await job.schedule(held, timeout=20) == TEXT
        again = await job.dispatch(a_request(repeat={"every": 60_000, "limit": 2}))
        assert (await ductape.jobs.cancel(again["job_id"], TEXT))["changed"]
        async with ductape.transaction() as tx:
            await job.dispatch(a_request(start_at=4_000_000_000), transaction=tx)
        assert await ductape.core.store.upkeep.tidy()


@pytest.mark.parametrize(("bound", "lent"), [("1ms", "3s"), ("0", "0"), ("5min", "5min")])
async def test_a_borrower_may_think_whatever_the_database_ends_others_for(
    server: PostgresServer, root: psycopg.Connection, bound: str, lent: str
) -> None:
    database, name = a_database(root), "idle_in_transaction_session_timeout"
    root.execute(f"ALTER DATABASE {database} SET {name} = '{bound}'".encode())
    store = await open_postgres(url_of(server, database), decide=decide, token="t")
    async with store._engine.lend() as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        told = await (await connection.execute(f"SHOW {name}".encode())).fetchall()
    assert told == [(lent,)]
    await store.aclose()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
async def test_a_database_that_cannot_hold_every_text_is_refused(
    server: PostgresServer, root: psycopg.Connection, encoding: str
) -> None:
    database = a_database(root, f"ENCODING '{encoding}' LOCALE 'C'")
    url = url_of(server, database)
    with pytest.raises(StoreError, match=f"encoding is {encoding}; only UTF8") as refused:
        await open_postgres(url, decide=decide, token="t")
    assert "--encoding UTF8" in str(refused.value.hint)


async def shown(transaction: Transaction, *names: str) -> list[str]:
    return [(await transaction.line.rows(f"SHOW {name}".encode(), {}))[0][0] for name in names]


@pytest.mark.parametrize("pooled", [False, True])
async def test_no_statement_of_ours_is_compiled_and_those_of_a_borrower_as_the_server_has_it(
    server: PostgresServer, root: psycopg.Connection, *, pooled: bool
) -> None:
    database = a_database(root)
    root.execute(f"ALTER DATABASE {database} SET jit = on".encode())
    root.execute(f"ALTER DATABASE {database} SET statement_timeout = '7s'".encode())
    opened = Engine(address_of(url_of(server, database)), pooled=pooled)
    await opened.open()
    names = ("jit", "statement_timeout", "transaction_isolation")
    for ask in (opened.single, opened.write):
        assert await ask(lambda t: shown(t, *names)) == ["off", "35s", "read committed"]
    assert await opened.write(lambda t: shown(t, "statement_timeout"), unhurried=True) == ["0"]
    async with opened.lend() as lent:
        told = [(await (await lent.execute(f"SHOW {name}".encode())).fetchall()) for name in names]
    assert [row[0][0] for row in told] == ["on", "7s", "read committed"]
    await opened.aclose()


async def test_a_heartbeat_that_meets_another_change_of_its_row_beats_in_any_isolation(
    server: PostgresServer, root: psycopg.Connection
) -> None:
    database = a_database(root)
    root.execute(
        f"ALTER DATABASE {database} SET default_transaction_isolation = 'serializable'".encode()
    )
    store = await open_postgres(url_of(server, database), decide=decide, token="t")
    await store.fleet.register(a_worker(), now_ms=NOW_MS, lease_ms=LEASE_MS)
    pulse = store.fleet.pulse()
    with psycopg.connect(url_of(server, database)) as other:
        other.execute("UPDATE ductape.workers SET lease_until = lease_until + 1")
        beat = asyncio.create_task(
            asyncio.to_thread(pulse.beat, "w1", now_ms=NOW_MS, lease_ms=LEASE_MS)
        )
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not other.execute(waits).fetchall()[0][0]:  # noqa: ASYNC110 (the server gives no sign)
            await asyncio.sleep(0.01)
        other.commit()
        assert await beat
    pulse.close()
    await store.aclose()
