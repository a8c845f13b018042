"""Callers whose time is over: they are let go, whatever the server and the line to it do."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

import psycopg
import pytest
from psycopg import AsyncConnection

from ductape import Ductape, ResultTimeout
from ductape.stores.postgres.rows.values import Row
from ductape.stores.postgres.server import cancelling, wake
from ductape.stores.postgres.store import PostgresStore, open_postgres
from tests.builders import NOW_MS, a_new_job, decide
from tests.servers.postgres import PostgresServer, postgres_server
from tests.servers.proxy import Proxy

KEY = "k1:" + "A" * 43
PRODUCT = {"tag": "shop", "envs": [{"slug": "dev"}], "jobs": [{"tag": "add", "handler": "python"}]}
LATER = {"product_tag": "shop", "env": "dev", "event": "add", "input": {}, "start_at": 4e9}
SOON_S = 2.5
"""A second more than is given, and what a slow machine takes."""
DROPS_ON_A_BUSY_MACHINE_S = 5
PAUSE_S = 1.6
"""The pool's longest pause, and what a slow machine takes."""
PATIENCE_S = 30


@pytest.fixture(scope="module")
def far() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
async def proxy(far: PostgresServer) -> AsyncIterator[Proxy]:
    proxy = Proxy(far.port)
    await proxy.open()
    yield proxy
    await proxy.aclose()


@pytest.fixture
def url(far: PostgresServer, proxy: Proxy, request: pytest.FixtureRequest) -> str:
    schema = request.node.name.lower()[:40].partition("[")[0]
    return f"{far.url.replace(f':{far.port}', f':{proxy.port}')}?schema={schema}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    store = await open_postgres(url, decide=decide, token="far")
    yield store
    await store.aclose()


async def test_a_wait_ends_in_time_on_a_line_that_is_open_and_dead(
    url: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUCTAPE_KEY", KEY)
    async with Ductape.open(url, config={}, worker=False) as ductape:
        await ductape.products.apply(PRODUCT)
        job_id = (await ductape.processor.job.dispatch(LATER))["job_id"]
        proxy.pause()
        clock = asyncio.get_running_loop()
        began_s = clock.time()
        with pytest.raises(ResultTimeout):
            await ductape.processor.job.wait(job_id, timeout=1)
        assert clock.time() - began_s < SOON_S
        proxy.resume()
        assert (await ductape.jobs.get(job_id))["status"] == "scheduled"


@pytest.mark.parametrize("verb", ["read", "write", "piped"])
async def test_whoever_is_cancelled_on_a_dead_line_is_let_go_soon(
    store: PostgresStore, proxy: Proxy, verb: str
) -> None:
    await store.products.version("warm")
    job = a_new_job()
    asked = {
        "read": lambda: store.reading.get("nobody"),
        "write": lambda: store.products.version("warm"),
        "piped": lambda: store.intake.add([job], now_ms=NOW_MS),
    }
    proxy.pause()
    asking = asyncio.ensure_future(asked[verb]())
    await proxy.held.wait()
    clock = asyncio.get_running_loop()
    began_s = clock.time()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert clock.time() - began_s < SOON_S
    proxy.resume()
    assert await store.products.version("warm") is None


async def test_a_question_that_is_dropped_in_time_costs_no_connection(
    store: PostgresStore, far: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelling, "DROPS_S", DROPS_ON_A_BUSY_MACHINE_S)

    async def long() -> None:
        async with store._engine.lend() as connection:
            begun.set_result(connection)
            await connection.execute("SELECT pg_sleep(60)")

    begun: asyncio.Future[AsyncConnection[Row]] = asyncio.get_running_loop().create_future()
    asking = asyncio.create_task(long())
    connection = await begun
    await until_it_sleeps(far)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not connection.closed


async def until_it_sleeps(server: PostgresServer) -> None:
    """Wait until the server is at the question: what it is told before, it drops unheeded."""
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    with psycopg.connect(server.url, autocommit=True) as looking:
        async with asyncio.timeout(PATIENCE_S):
            while looking.execute(sleeping).fetchone() == (0,):  # noqa: ASYNC110 (another process's)
                await asyncio.sleep(0.01)


async def test_a_server_that_is_away_is_tried_again_each_second(
    store: PostgresStore, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, tried_s = asyncio.get_running_loop(), list[float]()
    carry, enough = proxy._carry, asyncio.Event()

    async def noted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tried_s.append(clock.time())
        if len(tried_s) > 4:
            enough.set()
        await carry(reader, writer)

    monkeypatch.setattr(proxy, "_carry", noted)
    monkeypatch.setattr(wake, "RECONNECT_S", 60)
    await store.products.version("warm")
    proxy.give_up()
    waiting = asyncio.ensure_future(store.products.version("warm"))
    await enough.wait()
    pauses_s = [later - one for one, later in pairwise(tried_s)]
    assert max(pauses_s) < PAUSE_S
    proxy.come_back()
    assert await waiting is None
