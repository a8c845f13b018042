"""A server that is away for longer than the engine tries: who waits for a stored job waits on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest

from ductape import Ductape, Handlers, ResultTimeout
from ductape.errors import StoreError
from ductape.services.jobs import outlasting
from ductape.stores.postgres.server import engine, wake
from ductape.stores.postgres.store import PostgresStore, open_postgres
from ductape.worker import lane, registering, stop_requests, trouble
from ductape.worker.heartbeat import BEATS_A_LEASE
from ductape.worker.options import WorkerOptions
from tests.builders import NOW_MS, a_new_job, decide
from tests.servers.postgres import PostgresServer, postgres_server
from tests.servers.proxy import Proxy

KEY = "k1:" + "A" * 43
PATIENCE_S = 30
PRODUCT = {"tag": "shop", "envs": [{"slug": "dev"}]}
REQUEST = {"product_tag": "shop", "env": "dev", "event": "add", "start_at": 0}
AWAY, BACK = "the store is away", "the store is back"


class Adding:
    """A handler that tells when it has begun and waits until it may end."""

    def __init__(self) -> None:
        self.handlers = Handlers()
        self.begun: asyncio.Queue[int] = asyncio.Queue()
        self.release = asyncio.Event()

        @self.handlers.job("add")
        async def add(given: dict[str, int]) -> int:
            self.begun.put_nowait(given["a"])
            await self.release.wait()
            return given["a"] + 1

    async def all_begun(self, runs: int) -> None:
        """Wait until so many runs have begun."""
        for _ in range(runs):
            await self.begun.get()


@pytest.fixture(scope="module")
def fragile() -> Iterator[PostgresServer]:
    """Give a server that tests may stop."""
    with postgres_server() as running:
        yield running


@pytest.fixture
def adding() -> Adding:
    return Adding()


@pytest.fixture
async def ductape(
    fragile: PostgresServer,
    adding: Adding,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Ductape]:
    """Give a scheduler with a worker, whose patience with the server is short."""
    monkeypatch.setenv("DUCTAPE_KEY", KEY)
    monkeypatch.setattr(engine, "PATIENCE_S", 0.3)
    monkeypatch.setattr(wake, "RECONNECT_S", 0.01)
    monkeypatch.setattr(wake, "UNTOLD_S", 0.05)
    monkeypatch.setattr(outlasting, "ASK_AGAIN_S", 0.01)
    monkeypatch.setattr(lane, "PAUSE_AFTER_FAULT_S", 0.05)
    monkeypatch.setattr(registering, "REGISTER_AGAIN_S", 0.05)
    monkeypatch.setattr(stop_requests, "ASK_AGAIN_S", 0.05)
    url = f"{fragile.url}?schema={request.node.name.lower()[:40].strip('[]')}"
    options = WorkerOptions(concurrency=40, lease_ms=1_000, grace_ms=500, upkeep_ms=100)
    async with Ductape.open(url, handlers=adding.handlers, worker=options) as opened:
        await opened.products.apply(PRODUCT)
        yield opened


async def told(caplog: pytest.LogCaptureFixture, words: str, times: int = 1) -> None:
    """Wait until the log says something, so many times."""
    async with asyncio.timeout(PATIENCE_S):
        while caplog.text.count(words) < times:  # noqa: ASYNC110 (the log gives no sign)
            await asyncio.sleep(0.01)


async def last_seen(ductape: Ductape, job_id: str) -> str:
    """Follow a job to its end."""
    async with aclosing(ductape.jobs.watch(job_id)) as changes:
        return [job["status"] async for job in changes][-1]


async def test_whoever_waits_for_a_stored_job_outlasts_an_outage_and_has_its_result(
    fragile: PostgresServer, ductape: Ductape, adding: Adding, caplog: pytest.LogCaptureFixture
) -> None:
    job = ductape.processor.job
    receipt = await job.dispatch({**REQUEST, "input": {"a": 1}})
    scheduled = asyncio.create_task(job.schedule({**REQUEST, "input": {"a": 2}}))
    waiting = [asyncio.create_task(job.wait(receipt["job_id"])) for _ in range(20)]
    watching = asyncio.create_task(last_seen(ductape, receipt["job_id"]))
    await adding.all_begun(2)
    fragile.stop(at_once=True)
    await told(caplog, AWAY)
    with pytest.raises(StoreError, match="out of reach") as refused:
        await job.dispatch({**REQUEST, "input": {"a": 3}})
    assert not refused.value.in_doubt
    with pytest.raises(ResultTimeout) as late:
        await job.wait(receipt["job_id"], timeout=0.5)
    assert late.value.job_id == receipt["job_id"]
    adding.release.set()
    fragile.start()
    async with asyncio.timeout(PATIENCE_S):
        assert await scheduled == 3
        assert await asyncio.gather(*waiting) == [2] * 20
        assert await watching == "completed"
    assert caplog.text.count(AWAY) == 1
    assert caplog.text.count(BACK) == 1
    jobs = await ductape.jobs.list()
    assert {one["status"] for one in jobs} == {"completed"}
    assert len(jobs) == 2
    assert "Traceback" not in caplog.text
    assert "never retrieved" not in caplog.text


async def test_a_worker_comes_back_after_an_outage_of_several_leases_and_records_its_runs_once(
    fragile: PostgresServer,
    ductape: Ductape,
    adding: Adding,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trouble, "TOLD_EVERY_MS", 0)
    job = ductape.processor.job
    receipts = [await job.dispatch({**REQUEST, "input": {"a": at}}) for at in range(20)]
    await adding.all_begun(20)
    fragile.stop(at_once=True)
    await told(caplog, "heartbeat fails for", times=3 * BEATS_A_LEASE)
    adding.release.set()
    fragile.start()
    async with asyncio.timeout(PATIENCE_S):
        results = await asyncio.gather(*(job.wait(one["job_id"]) for one in receipts))
        assert results == [at + 1 for at in range(20)]
        assert await job.schedule({**REQUEST, "input": {"a": 50}}) == 51
    for one in receipts:
        history = await ductape.jobs.history(one["job_id"])
        assert history["total_executions"] == 1, history
    assert "never retrieved" not in caplog.text
    assert len(await ductape.workers.list()) == 1


async def test_waiting_ends_where_the_store_will_never_answer(
    ductape: Ductape, adding: Adding
) -> None:
    receipt = await ductape.processor.job.dispatch({**REQUEST, "input": {"a": 1}})
    await adding.all_begun(1)
    adding.release.set()
    await ductape.core.store.aclose()
    with pytest.raises(StoreError, match="the store is closed"):
        await ductape.processor.job.wait(receipt["job_id"])


@pytest.fixture
async def far(
    fragile: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[PostgresStore, Proxy]]:
    """Give a store at the end of a line that a test may cut."""
    monkeypatch.setattr(engine, "PATIENCE_S", 0.3)
    proxy = Proxy(fragile.port)
    await proxy.open()
    url = fragile.url.replace(f":{fragile.port}", f":{proxy.port}") + "?schema=far"
    store = await open_postgres(url, decide=decide, token="far")
    yield store, proxy
    await store.aclose()
    await proxy.aclose()


async def test_a_job_whose_insert_nobody_heard_of_is_told_to_be_in_doubt(
    far: tuple[PostgresStore, Proxy], fragile: PostgresServer
) -> None:
    there, proxy = far
    here = await open_postgres(f"{fragile.url}?schema=far", decide=decide, token="here")
    await there.products.version("warm")
    job = a_new_job()
    proxy.swallow_answers()
    adding = asyncio.create_task(there.intake.add([job], now_ms=NOW_MS))
    async with asyncio.timeout(PATIENCE_S):
        while await here.reading.get(job.job_id) is None:  # noqa: ASYNC110 (another's)
            await asyncio.sleep(0)
    proxy.give_up()
    with pytest.raises(StoreError, match="may be there or not") as raised:
        await adding
    assert raised.value.in_doubt
    assert "out of reach" in raised.value.message
    await here.aclose()


async def test_a_job_that_was_never_sent_is_not_told_to_be_in_doubt(
    far: tuple[PostgresStore, Proxy],
) -> None:
    there, proxy = far
    await there.products.version("warm")
    proxy.give_up()
    await proxy.deserted()
    with pytest.raises(StoreError, match="out of reach") as raised:
        await there.intake.add([a_new_job()], now_ms=NOW_MS)
    assert not raised.value.in_doubt
