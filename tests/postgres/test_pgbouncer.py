"""Everything by way of a real PgBouncer in transaction mode: no LISTEN, a server's few connections.

The other process is this file, run as a program. Both look ten times a second instead of every five
seconds, which is all that they do differently.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import psycopg
import pytest

from ductape import Ductape, Handlers, JobFailed, StoreError, WorkerOptions
from ductape.stores.postgres.schema.migrating import migrate
from ductape.stores.postgres.server import wake
from ductape.stores.postgres.server.statements import known_schema
from ductape.stores.postgres.store import open_postgres
from tests.builders import decide
from tests.servers.pgbouncer import MOST_SERVER_CONNECTIONS, PgBouncer, pgbouncer, program
from tests.servers.postgres import PostgresServer

ROOT = Path(__file__).resolve().parents[2]
KEY = "k1:" + "A" * 43
PATIENCE_S = 30
EVENTS = ("add", "flaky", "alone")
PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": tag, "handler": "python"} for tag in EVENTS],
}
SHORT = WorkerOptions(concurrency=20, grace_ms=500, upkeep_ms=200)
AT_ONCE = {"initialDelay": 1, "jitter": False}


def a_request(event: str = "add", **parts: object) -> dict[str, object]:
    return {
        "product_tag": "shop",
        "env": "dev",
        "event": event,
        "start_at": 0,
        "input": {"a": 1, "b": 2},
        **parts,
    }


def handlers_of(folder: Path) -> Handlers:
    """Make handlers that leave a line in a file of their name for each call."""
    handlers = Handlers()

    def note(name: str, said: object) -> int:
        with (folder / name).open("ab", buffering=0) as ledger:
            ledger.write(f"{said}\n".encode())
        return len((folder / name).read_text().splitlines())

    @handlers.job("add")
    async def add(given: dict[str, int]) -> int:
        note("add", given["a"])
        return given["a"] + given["b"]

    @handlers.job("flaky")
    async def flaky() -> int:
        if (calls := note("flaky", "called")) < 3:
            raise RuntimeError("not yet")
        return calls

    @handlers.job("alone")
    async def alone() -> None:
        note("alone", "in")
        await asyncio.sleep(0.02)
        note("alone", "out")

    return handlers


@contextmanager
def looking_often() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for span in ("PROBE_S", "POLL_S", "UNTOLD_S"):
            patch.setattr(wake, span, 0.1)
        yield


async def serve(url: str, folder: Path) -> None:
    """Work until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with looking_often():
        handlers = handlers_of(folder)
        async with Ductape.open(url, config={"key": KEY}, handlers=handlers, worker=SHORT):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await stop.wait()


@pytest.fixture(scope="module")
def pooler(server: PostgresServer) -> Iterator[PgBouncer]:
    found = program()
    if found is None:
        pytest.skip("pgbouncer is not installed: apt-get install pgbouncer")
    with pgbouncer(found, server.port) as running:
        yield running


@pytest.fixture
def far(pooler: PgBouncer, url: str) -> str:
    """Give the URL of a schema that is not there yet, by way of the pooler."""
    return f"{pooler.url}?{url.partition('?')[2]}"


@pytest.fixture
async def here(far: str) -> AsyncIterator[Ductape]:
    """Give a process that stores, and executes nothing."""
    with looking_often():
        async with Ductape.open(far, config={"key": KEY}, worker=False) as opened:
            await opened.products.apply(PRODUCT)
            yield opened


@asynccontextmanager
async def a_worker(url: str, folder: Path) -> AsyncIterator[None]:
    """Run a worker process; it works when this begins, and ends in peace."""
    with (folder / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *(__file__, url, str(folder)),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=log,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert await process.stdout.readline() == b"ready\n", (folder / "log").read_text()
        yield
        process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            assert await process.wait() == 0, (folder / "log").read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_worker_process_does_all_that_it_does_without_a_pooler(
    here: Ductape, far: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = here.processor.job
    async with a_worker(far, tmp_path), asyncio.timeout(PATIENCE_S):
        assert await job.schedule(a_request()) == 3
        assert await job.schedule(a_request("flaky", retries=2, retryConfig=AT_ONCE)) == 3
        recurring = await job.dispatch(a_request(repeat={"every": 100, "limit": 4}))
        limits = {"concurrency_key": "one", "concurrency_limit": 1}
        alone = await job.dispatch_many([a_request("alone", **limits) for _ in range(8)])
        await asyncio.gather(*(job.wait(receipt["job_id"]) for receipt in alone))
        async for view in here.jobs.watch(recurring["job_id"]):
            status = view["status"]
    assert (status, view["execution_count"]) == ("completed", 4)
    assert (tmp_path / "alone").read_text().split() == ["in", "out"] * 8
    told = [one.message for when in ("setup", "call") for one in caplog.get_records(when)]
    assert sum("no hints pass the pooler" in message for message in told) == 1
    log = (tmp_path / "log").read_text()
    assert log.count("no hints pass the pooler") == 1, log
    assert len(log.splitlines()) == 1, log


async def test_a_job_commits_and_rolls_back_with_a_caller_behind_the_pooler(
    here: Ductape, pooler: PgBouncer
) -> None:
    dispatch = here.processor.job.dispatch
    connection = await psycopg.AsyncConnection.connect(pooler.url, prepare_threshold=None)
    async with connection:
        kept = await dispatch(a_request(), transaction=connection)
        await connection.commit()
        undone = await dispatch(a_request(), transaction=connection)
        await connection.rollback()
    async with here.transaction() as lent:
        lent_too = await dispatch(a_request(), transaction=lent)
    found = {one["id"] for one in await here.jobs.list()}
    assert found == {kept["job_id"], lent_too["job_id"]}
    assert undone["job_id"] not in found


async def test_many_migrate_through_the_pooler_at_once(far: str) -> None:
    assert await asyncio.gather(*(migrate(far) for _ in range(10))) == [known_schema()] * 10


async def test_no_statement_stays_prepared_on_the_servers_connections(
    here: Ductape, pooler: PgBouncer
) -> None:
    for _ in range(5):
        await here.processor.job.dispatch(a_request())
        await here.jobs.list()
    prepared: set[tuple[int, int]] = set()
    async with await psycopg.AsyncConnection.connect(pooler.url, prepare_threshold=None) as root:
        for _ in range(MOST_SERVER_CONNECTIONS):
            cursor = await root.execute(
                "SELECT pg_backend_pid(), count(*) FROM pg_prepared_statements WHERE name <> ''"
            )
            prepared |= set(await cursor.fetchall())
            await root.rollback()
    assert {count for _, count in prepared} == {0}


async def test_messages_that_a_pooler_brings_to_the_wrong_connection_do_not_pile_up(
    far: str, pooler: PgBouncer
) -> None:
    store = await open_postgres(far, decide=decide, token="here")
    channel = f"LISTEN {store.wake._channel}".encode()
    async with AsyncExitStack() as together:
        for _ in range(MOST_SERVER_CONNECTIONS):
            line = await psycopg.AsyncConnection.connect(pooler.url, prepare_threshold=None)
            await (await together.enter_async_context(line)).execute(channel)
    misled: list[psycopg.Notify] = []
    async with await psycopg.AsyncConnection.connect(pooler.url, autocommit=True) as line:
        line.add_notify_handler(misled.append)
        while not misled:
            store.wake.tell("work", ["a job"])
            await line.execute("SELECT pg_sleep(0.01)", prepare=False)
            await store.products.tags()
    mine = [*store._engine._pool._pool, store.wake._line]
    assert [one._notifies_backlog for one in mine if one and one._notifies_backlog] == []
    await store.aclose()


async def test_a_pooler_that_is_started_again_loses_nothing(
    here: Ductape, far: str, pooler: PgBouncer, tmp_path: Path
) -> None:
    # What a claim brings may be lost with its connection: that is taken over past its deadline.
    # A run may be about to read its product meanwhile: the pool's pause counts as its own time.
    jobs: list[str] = []
    over = asyncio.Event()

    async def store() -> None:
        while not over.is_set():
            n = len(jobs)
            request = a_request(input={"a": n, "b": 1}, key=f"key-{n}", timeout=4_000, retries=1)
            try:
                receipt = await here.processor.job.dispatch(request)
            except StoreError:
                continue  # it may be there or not: the same key asks again
            jobs.append(receipt["job_id"])

    async with a_worker(far, tmp_path), asyncio.timeout(PATIENCE_S):
        storing = asyncio.create_task(store())
        for _ in range(2):
            await grown(jobs)
            await asyncio.to_thread(pooler.stop)
            await asyncio.to_thread(pooler.start)
        await grown(jobs)
        over.set()
        await storing
        wait = here.processor.job.wait
        results = await asyncio.gather(*(wait(job) for job in jobs))
    assert results == [n + 1 for n in range(len(jobs))]
    assert set(Counter((tmp_path / "add").read_text().split())) == {
        str(n) for n in range(len(jobs))
    }


async def test_a_failure_is_told_to_whoever_waits_elsewhere(
    here: Ductape, far: str, tmp_path: Path
) -> None:
    async with a_worker(far, tmp_path), asyncio.timeout(PATIENCE_S):
        with pytest.raises(JobFailed, match="not yet"):
            await here.processor.job.schedule(a_request("flaky"))


async def grown(jobs: Sequence[str]) -> None:
    """Wait until there are fifty more."""
    enough = len(jobs) + 50
    while len(jobs) < enough:  # noqa: ASYNC110 (nobody tells)
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
