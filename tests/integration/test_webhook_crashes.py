"""A worker that dies by SIGKILL: what its last settlement has to tell is told by another one."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from aiohttp import web
from msgspec.structs import replace

from ductape import Ductape, Handlers
from tests.acceptance.hooks import JOB, SECRET, Told, shop
from tests.nursery import SHORT, Forked, LaterClock, forked
from tests.servers.http import Receiver, http_receiver
from tests.servers.postgres import PostgresServer, postgres_server

_made = count(1)


def handlers_of() -> Handlers:
    handlers = Handlers()

    @handlers.job("ship")
    async def ship(given: dict[str, object]) -> object:
        if given.get("waits"):
            await asyncio.sleep(3_600)
        return given

    return handlers


async def serve(store: str, queues: str = "", later: str = "") -> None:
    """Work, in a process of its own; `later` as one that comes when the first's lease is out."""
    served = tuple(queues.split(",")) if queues else ()
    clock = LaterClock() if later else None
    options = replace(SHORT, queues=served)
    async with Ductape.open(store, config={}, handlers=handlers_of(), worker=options, clock=clock):
        await asyncio.Event().wait()


async def kill(process: Forked) -> None:
    process.kill()
    await process.wait()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with http_receiver() as server:
        yield server


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the URL of an empty store, one of each kind after the other."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shared.db'}"
    monkeypatch.setenv("DUCTAPE_KEY", "k1:" + "A" * 43)
    monkeypatch.setenv("DUCTAPE_EGRESS_ALLOW_PRIVATE", "127.0.0.0/8")
    running: PostgresServer = request.getfixturevalue("server")
    name = f"hooks_{next(_made)}"
    with psycopg.connect(running.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"{running.url.removesuffix('/postgres')}/{name}"


@pytest.fixture
async def store(url: str, receiver: Receiver) -> str:
    """Give a store with the product in it; deliveries wait in a queue of their own."""
    async with Ductape.open(url, config={}, worker=False) as ductape:
        await ductape.secrets.set("hook", SECRET, product="shop")
        events = ["job.started", "job.completed", "job.failed"]
        document = shop(f"{receiver.url}/hook", events=events, queue="hooks", initial_delay=10)
        await ductape.products.apply(document)
    return url


async def test_what_was_settled_right_before_death_is_told_by_another(
    store: str, receiver: Receiver
) -> None:
    told = Told()
    receiver.answers += [told.take] * 10
    async with Ductape.open(store, config={}, worker=False) as ductape:
        async with forked(serve, store, "default") as process:
            await ductape.processor.job.schedule(JOB, timeout=20)
            await kill(process)
        assert told.bodies == []
        async with forked(serve, store, "", "later"):
            await told.until("job.started", "job.completed")


async def test_a_delivery_in_the_middle_of_which_its_worker_dies_is_made_again(
    store: str, receiver: Receiver
) -> None:
    told, arrived = Told(), asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        if json.loads(await request.read())["event"] == "job.completed":
            arrived.set()
            await asyncio.sleep(30)
        return await told.take(request)

    receiver.answers += [hang] * 2
    async with Ductape.open(store, config={}, worker=False) as ductape:
        async with forked(serve, store) as process:
            await ductape.processor.job.schedule(JOB, timeout=20)
            async with asyncio.timeout(20):
                await arrived.wait()
            await kill(process)
        receiver.answers[:] = [told.take] * 10
        async with forked(serve, store, "", "later"):
            await told.once("job.completed")
    ids = {r.headers["webhook-id"] for r in receiver.requests if b"job.completed" in r.body}
    assert len(ids) == 1


async def test_a_run_that_is_taken_over_tells_of_its_end_though_nobody_here_knew_the_product(
    store: str, receiver: Receiver
) -> None:
    told = Told()
    receiver.answers += [told.take] * 10
    lost_for_good = {**JOB, "input": {"waits": True}, "onLost": "fail"}
    async with Ductape.open(store, config={}, worker=False) as ductape:
        async with forked(serve, store, "default,hooks") as process:
            await ductape.processor.job.dispatch(lost_for_good)
            await told.until("job.started")
            await kill(process)
        async with forked(serve, store, "hooks", "later"):
            await told.until("job.started", "job.failed")
    assert told.job("job.failed")["last_error"]["code"] == "WORKER_LOST"
