"""A worker that dies by SIGKILL: what its last settlement has to tell is told by another one.

The other process is this file, run as a program; it says on its output what it does.
"""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from ductape import Ductape, Handlers, WorkerOptions
from tests.acceptance.hooks import JOB, SECRET, Told, shop
from tests.servers.http import Receiver, http_receiver
from tests.servers.postgres import postgres_server


def handlers_of() -> Handlers:
    handlers = Handlers()

    @handlers.job("ship")
    async def ship(given: dict[str, object]) -> object:
        if given.get("waits"):
            await asyncio.sleep(3_600)
        return given

    return handlers


async def _serve(store: str, queues: str) -> None:
    served = tuple(queues.split(",")) if queues else ()
    options = WorkerOptions(lease_ms=600, grace_ms=200, upkeep_ms=100, queues=served)
    async with Ductape.open(store, config={}, handlers=handlers_of(), worker=options):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


@asynccontextmanager
async def other_process(store: str, queues: str = "") -> AsyncIterator[Process]:
    """Run a worker in a process of its own, ended at the end whatever became of it."""
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.test_webhook_crashes",
        store,
        queues,
        stdout=PIPE,
        cwd=root,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def kill(process: Process) -> None:
    process.send_signal(signal.SIGKILL)
    await process.wait()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with http_receiver() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Give the URL of an empty store, one of each kind after the other."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'shared.db'}"
        return
    monkeypatch.setenv("DUCTAPE_KEY", "k1:" + "A" * 43)
    with postgres_server() as server:
        yield server.url


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
        async with other_process(store, "default") as process:
            await ductape.processor.job.schedule(JOB, timeout=20)
            await kill(process)
        assert told.bodies == []
        async with other_process(store):
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
        async with other_process(store) as process:
            await ductape.processor.job.schedule(JOB, timeout=20)
            async with asyncio.timeout(20):
                await arrived.wait()
            await kill(process)
        receiver.answers[:] = [told.take] * 10
        async with other_process(store):
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
        async with other_process(store, "default,hooks") as process:
            await ductape.processor.job.dispatch(lost_for_good)
            await told.until("job.started")
            await kill(process)
        async with other_process(store, "hooks"):
            await told.until("job.started", "job.failed")
    assert told.job("job.failed")["last_error"]["code"] == "WORKER_LOST"


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2]))
