"""A user whose store is a PostgreSQL server: one process stores, others execute."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ductape import ConfigError, Ductape, Handlers, JobFailed, StoreError
from ductape.stores.postgres.server.statements import known_schema
from tests.servers.http import Receiver, serving
from tests.servers.postgres import PostgresServer

DUCTAPE = Path(sys.executable).with_name("ductape")
KEY = "k1:" + "A" * 43
"""32 bytes of nothing; a test seals nothing worth more."""
PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": "add", "handler": "python"}],
}
REQUEST = {"product_tag": "shop", "env": "dev", "event": "add", "start_at": 0}
QUOTA = {"tag": "calls", "limit": 5, "period": "minute"}
PATIENCE_S = 20
HANDLERS = """
from ductape import Handlers

handlers = Handlers()

@handlers.job("add")
def add(given):
    return given["a"] + given["b"]
"""

handlers = Handlers()


@handlers.job("add")
def add(given: dict[str, int]) -> int:
    return given["a"] + given["b"]


@pytest.fixture
def store(server: PostgresServer, tmp_path: Path) -> str:
    """Give the URL of a schema of the test's own."""
    return f"{server.url}?schema={tmp_path.name.lower()}"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Give a service that somebody runs on this machine."""
    async with serving(Receiver()) as running:
        yield running


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCTAPE_KEY", KEY)


@pytest.fixture
async def ductape(store: str) -> AsyncIterator[Ductape]:
    """Give a process that stores, and executes too."""
    async with Ductape.open(store, handlers=handlers, worker=True) as opened:
        await opened.products.apply(PRODUCT)
        yield opened


async def test_a_job_is_scheduled_and_its_result_awaited(ductape: Ductape) -> None:
    assert await ductape.processor.job.schedule({**REQUEST, "input": {"a": 1, "b": 2}}) == 3


async def test_a_recurring_job_runs_until_its_limit(ductape: Ductape) -> None:
    repeat = {"every": 100, "limit": 3, "immediately": True}
    receipt = await ductape.processor.job.dispatch(
        {**REQUEST, "input": {"a": 2, "b": 2}, "repeat": repeat}
    )
    async with asyncio.timeout(PATIENCE_S):
        async for view in ductape.jobs.watch(receipt["job_id"]):
            status = view["status"]
    assert status == "completed"
    history = await ductape.jobs.history(receipt["job_id"])
    assert [run["result"] for run in history["executions"]] == [4, 4, 4]


async def test_a_store_on_a_server_is_opened_without_a_worker(store: str) -> None:
    async with Ductape.open(store) as opened:
        assert opened.worker_id is None


async def test_a_job_stored_here_is_executed_by_a_worker_of_another_process(
    store: str, tmp_path: Path
) -> None:
    (tmp_path / "handlers.py").write_text(HANDLERS)
    async with Ductape.open(store) as here:
        await here.products.apply(PRODUCT)
        with a_worker(store, tmp_path):
            async with asyncio.timeout(PATIENCE_S):
                result = await here.processor.job.schedule({**REQUEST, "input": {"a": 4, "b": 5}})
            assert result == 9


async def test_keys_must_be_given(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUCTAPE_KEY")
    with pytest.raises(ConfigError, match="its keys must be given"):
        async with Ductape.open(store):
            pass


async def test_the_password_is_in_no_message(server: PostgresServer) -> None:
    url = f"postgresql://nobody:hush@127.0.0.1:{server.port}/postgres"
    with pytest.raises(StoreError) as caught:
        async with Ductape.open(url):
            pass
    assert "hush" not in f"{caught.value!r} {caught.value.path} {caught.value.hint}"


async def test_a_store_that_was_copied_to_a_server_goes_on_there(
    store: str, tmp_path: Path
) -> None:
    here = f"sqlite:///{tmp_path}/jobs.db"
    async with Ductape.open(here, worker=False) as opened:
        await opened.products.apply(PRODUCT)
        receipt = await opened.processor.job.dispatch({**REQUEST, "input": {"a": 3, "b": 4}})
    assert "the same on both sides" in told(here, tmp_path, "store", "copy", here, store)
    async with Ductape.open(store, handlers=handlers, worker=True) as opened:
        assert await opened.processor.job.wait(receipt["job_id"], timeout=PATIENCE_S) == 7


async def test_a_command_that_waits_works_itself(store: str, tmp_path: Path) -> None:
    async with Ductape.open(store, worker=False) as opened:
        await opened.products.apply({**PRODUCT, "quotas": [QUOTA]})
    (tmp_path / "job.json").write_text(json.dumps({**REQUEST, "event": "calls", "input": {}}))
    words = ("schedule", "job.json", "--wait", "--timeout", str(PATIENCE_S))
    assert '"success": true' in told(store, tmp_path, *words)


def test_migrating_brings_the_schema_up_to_date(store: str, tmp_path: Path) -> None:
    newest = known_schema().number
    assert f"pending  {newest}" in told(store, tmp_path, "migrate", "--status")
    assert "pending  0" in told(store, tmp_path, "migrate")
    assert "pending  0" in told(store, tmp_path, "migrate", "--status")


async def test_the_doctor_tells_of_the_server_and_of_who_works(ductape: Ductape) -> None:
    found = await ductape.doctor()
    told = {(one["section"], one["subject"]): one for one in found["findings"]}
    assert found["reachable"]
    assert told["server", "version"]["said"].startswith("PostgreSQL ")
    assert told["clock", "skew"]["state"] == "ok"
    assert told["tables", "runs"]["details"]["dead_rows"] == 0
    assert told["products", "shop"]["said"] == "version 1"
    assert told["keys", "k1"]["said"] == "seals and opens"
    [worker] = [one for one in found["findings"] if one["section"] == "workers"]
    assert worker["details"]["id"] == ductape.worker_id
    assert "job:add" in worker["said"]
    amiss = {one["subject"] for one in found["findings"] if one["state"] != "ok"}
    assert amiss == {"durability"}  # the test's server waits for no disk


def told(store: str, folder: Path, *words: str) -> str:
    """Run a command to its end; return what it says."""
    command = [DUCTAPE, "--store", store, *words]
    done = subprocess.run(  # noqa: S603 (our own command)
        command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    return done.stdout


@contextmanager
def a_worker(store: str, folder: Path) -> Iterator[None]:
    """Run a worker process; it works when this begins, and ends in peace."""
    command = [DUCTAPE, "--store", store, "worker", "--handlers", "handlers:handlers"]
    with subprocess.Popen(  # noqa: S603 (our own command)
        command, cwd=folder, env=dict(os.environ), stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        try:
            assert worker.stdout.readline().startswith("worker ")
            yield
        finally:
            worker.terminate()
            assert worker.wait(PATIENCE_S) == 0


async def test_this_machine_is_reached_only_where_the_operator_says_so(
    database: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded default alone grants it: beside a shared server it is somebody's network."""
    app = {
        "tag": "partner",
        "base_url": receiver.url,
        "actions": [{"tag": "ping", "method": "GET", "resource": "/"}],
    }
    document = {"tag": "shop", "envs": [{"slug": "dev", "allow_private": True}], "apps": [app]}
    call = {"product_tag": "shop", "env": "dev", "event": "ping", "input": {}}
    monkeypatch.delenv("DUCTAPE_EGRESS_ALLOW_PRIVATE")
    async with Ductape.open(database, config={}) as ductape:
        await ductape.products.apply(document)
        with pytest.raises(JobFailed) as failed:
            await ductape.processor.action.run(call)
    assert failed.value.error["code"] == "FORBIDDEN"
    granted = {"egress": {"allow_private": ["127.0.0.0/8"]}}
    async with Ductape.open(database, config=granted) as ductape:
        assert (await ductape.processor.action.run(call))["status"] == 200
