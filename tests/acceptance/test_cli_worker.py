"""`ductape worker` in a process of its own: it says that it works, and stops as told."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ductape import Ductape

KEYS = "DUCTAPE_KEY"
DUCTAPE = Path(sys.executable).with_name("ductape")

HANDLERS = """
import asyncio, gc, threading
from ductape import Handlers

handlers = Handlers()

@handlers.job("linger")
async def linger(given):
    print("began", flush=True)
    for _ in range(given["turns"]):
        await asyncio.sleep(0.01)
    return "done"

@handlers.job("stick")
def stick():
    print("began", flush=True)
    threading.Event().wait()

@handlers.job("spared")
async def spared():
    return gc.get_freeze_count()
"""

LOADED = 10_000
"""Fewer objects than any worker has once it is open."""

REQUEST = {"product_tag": "shop", "env": "dev", "start_at": 0, "onLost": "retry"}


@pytest.fixture
async def shop(store: str, tmp_path: Path) -> str:
    """Return a store whose product has the handlers' jobs, which lie in the test's folder."""
    (tmp_path / "handlers.py").write_text(HANDLERS)
    jobs = [{"tag": tag, "handler": "python"} for tag in ("linger", "stick", "spared")]
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply({"tag": "shop", "envs": [{"slug": "dev"}], "jobs": jobs})
    return store


async def _dispatched(store: str, event: str, **given: object) -> str:
    async with Ductape.open(store, worker=False) as ductape:
        request = {**REQUEST, "event": event, "input": given}
        return (await ductape.processor.job.dispatch(request))["job_id"]


async def _status(store: str, job: str) -> str:
    async with Ductape.open(store, worker=False) as ductape:
        return (await ductape.jobs.get(job))["status"]


@contextmanager
def _worker(store: str, folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Start a worker; wait until it says that it works."""
    kept = {k: v for k, v in os.environ.items() if k == KEYS or not k.startswith("DUCTAPE_")}
    worker = subprocess.Popen(  # noqa: S603 (our own command)
        [DUCTAPE, "--store", store, "worker", "--handlers", "handlers:handlers", *words],
        cwd=folder,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    try:
        greeting = worker.stdout.readline()
        assert greeting.startswith("worker "), worker.communicate()[1]
        assert store in greeting
        yield worker
    finally:
        worker.kill()
        worker.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stopped_worker_lets_its_run_end(shop: str, tmp_path: Path, number: int) -> None:
    job = await _dispatched(shop, "linger", turns=20)
    with _worker(shop, tmp_path) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "began\n"
        worker.send_signal(number)
        _, logs = worker.communicate(timeout=20)
        assert worker.returncode == 0, logs
    assert await _status(shop, job) == "completed"
    records = [json.loads(line) for line in logs.splitlines()]
    assert [record["event"] for record in records] == [
        "stopping: what runs has 30 s to end",
        "stopped",
    ]


async def test_the_garbage_collector_passes_over_what_a_worker_is_made_of(
    shop: str, tmp_path: Path
) -> None:
    with _worker(shop, tmp_path):
        job = await _dispatched(shop, "spared")
        async with Ductape.open(shop, worker=False) as ductape:
            assert await ductape.processor.job.wait(job, timeout=20) > LOADED


async def test_a_second_signal_ends_the_worker_at_once(shop: str, tmp_path: Path) -> None:
    job = await _dispatched(shop, "stick")
    with _worker(shop, tmp_path) as worker:
        assert worker.stdout is not None
        assert worker.stderr is not None
        assert worker.stdout.readline() == "began\n"
        worker.send_signal(signal.SIGTERM)
        assert "stopping" in worker.stderr.readline()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=5) == 128 + signal.SIGTERM
        assert "others take over" in worker.stderr.readline()
    assert await _status(shop, job) == "running"


async def test_a_worker_is_listed_and_serves_its_queues_only(shop: str, tmp_path: Path) -> None:
    with _worker(shop, tmp_path, "--queues", "fast,faster", "--concurrency", "3") as worker:
        async with Ductape.open(shop, worker=False) as ductape:
            [live] = await ductape.workers.list()
        assert live["pid"] == worker.pid
        assert (live["queues"], live["concurrency"]) == (["fast", "faster"], 3)
        assert live["handlers"] == ["job:linger", "job:spared", "job:stick"]
        worker.terminate()
        worker.communicate(timeout=20)
    async with Ductape.open(shop, worker=False) as ductape:
        assert await ductape.workers.list() == []


def test_a_worker_that_cannot_start_says_why(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603 (our own command)
        [DUCTAPE, "worker", "--handlers", "nothing:here"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: handlers: `nothing:here` cannot be loaded")
    assert "Traceback" not in done.stderr
