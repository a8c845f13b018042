"""Hosts whose clocks are an hour apart, on one PostgreSQL: they agree, by the server's clock.

The other processes are this file, run as a program, with every clock that tells a date put wrong
before anything else is imported. What they did, and when by the right clock, is on their output.
"""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

HOUR_MS = 3_600_000
right_ns = time.time_ns
"""The clock as the server has it, which is on this machine."""

if __name__ == "__main__":
    wrong_ns = int(sys.argv[2]) * 1_000_000
    time.time_ns = lambda: right_ns() + wrong_ns
    time.time = lambda: time.time_ns() / 1e9

from ductape import Ductape, Handlers, WorkerOptions  # noqa: E402 (the clock is wrong before)
from ductape.app.system import SystemClock  # noqa: E402 (the same)
from tests.servers.postgres import PostgresServer, postgres_server  # noqa: E402 (the same)

KEY = {"key": "k1:" + "A" * 43}
PRODUCT: dict[str, object] = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": tag, "handler": "python"} for tag in ("tell", "long")],
}
SHORT = WorkerOptions(lease_ms=900, grace_ms=200, upkeep_ms=100)
PATIENCE_S = 20
PUNCTUAL_MS = 5_000
"""How late a run may begin on a machine that has other things to do."""


def a_job(event: str, **parts: object) -> dict[str, object]:
    return {
        "product_tag": "shop",
        "env": "dev",
        "event": event,
        "input": {},
        "start_at": 0,
        **parts,
    }


def now_ms() -> int:
    return right_ns() // 1_000_000


def handlers_of(name: str) -> Handlers:
    """Make handlers whose results say who ran them, and when by the right clock."""
    handlers = Handlers()

    @handlers.job("tell")
    async def tell() -> list[object]:
        return [name, right_ns() / 1e6]

    @handlers.job("long")
    async def long() -> str:
        await asyncio.sleep(2)  # the work itself: longer than the lease
        return name

    return handlers


async def serve(store: str, wrong_ms: int) -> None:
    """Work until killed, with a clock that is wrong."""
    assert abs(SystemClock().now_ms() - now_ms() - wrong_ms) < PATIENCE_S * 1000
    handlers = handlers_of(f"{wrong_ms:+d}")
    async with Ductape.open(store, config=KEY, handlers=handlers, worker=SHORT):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


@asynccontextmanager
async def a_worker(store: str, *, wrong_ms: int) -> AsyncIterator[Process]:
    """Run a worker in a process whose clock is wrong."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.acceptance.test_clocks", store, str(wrong_ms),
        stdout=PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        await process.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
async def store(server: PostgresServer, tmp_path: Path) -> str:
    """Give the URL of a schema of the test's own, the product in it."""
    url = f"{server.url}?schema={tmp_path.name.lower()}"
    async with Ductape.open(url, config=KEY) as ductape:
        await ductape.products.apply(PRODUCT)
    return url


@pytest.mark.parametrize("wrong_ms", [HOUR_MS, -HOUR_MS])
async def test_a_run_begins_at_its_instant_whatever_the_worker_s_clock_says(
    store: str, wrong_ms: int
) -> None:
    async with a_worker(store, wrong_ms=wrong_ms), Ductape.open(store, config=KEY) as ductape:
        due_ms = now_ms() + 300
        request = a_job("tell", start_at=due_ms)
        name, began_ms = msgspec.convert(
            await ductape.processor.job.schedule(request, timeout=PATIENCE_S), tuple[str, float]
        )
    assert name == f"{wrong_ms:+d}"
    assert 0 <= began_ms - due_ms < PUNCTUAL_MS


class WrongClock:
    """This machine's clock, two hours slow."""

    def now_ms(self) -> int:
        return now_ms() - 2 * HOUR_MS


async def test_a_clock_given_by_the_caller_does_not_count_on_a_server(store: str) -> None:
    async with Ductape.open(store, config=KEY, clock=WrongClock()) as ductape:
        receipt = await ductape.processor.job.dispatch(a_job("tell"))
        view = await ductape.jobs.get(receipt["job_id"])
    assert abs(view["created_at"] - now_ms()) < PATIENCE_S * 1000


async def test_a_healthy_worker_keeps_its_runs_among_clocks_two_hours_apart(store: str) -> None:
    async with (
        a_worker(store, wrong_ms=HOUR_MS),
        a_worker(store, wrong_ms=-HOUR_MS),
        Ductape.open(store, config=KEY) as ductape,
    ):
        receipts = await ductape.processor.job.dispatch_many([a_job("long")] * 6)
        for receipt in receipts:
            await ductape.processor.job.wait(receipt["job_id"], timeout=PATIENCE_S)
        views = [await ductape.jobs.get(receipt["job_id"]) for receipt in receipts]
        live = await ductape.workers.list()
    assert [len(view["attempts"]) for view in views] == [1] * 6
    assert len(live) == 2


async def test_the_instants_of_a_recurrence_are_the_same_for_everybody(store: str) -> None:
    async with (
        a_worker(store, wrong_ms=HOUR_MS),
        a_worker(store, wrong_ms=-HOUR_MS),
        Ductape.open(store, config=KEY) as ductape,
    ):
        first_ms = now_ms() + 300
        repeat = {"every": 300, "limit": 6}
        receipt = await ductape.processor.job.dispatch(
            a_job("tell", start_at=first_ms, repeat=repeat)
        )
        async with asyncio.timeout(PATIENCE_S):
            async for _ in ductape.jobs.watch(receipt["job_id"]):
                pass
        history = await ductape.jobs.history(receipt["job_id"])
    results = [run["result"] for run in history["executions"]]
    began = sorted(at for _, at in msgspec.convert(results, list[tuple[str, float]]))
    late = [at - (first_ms + 300 * index) for index, at in enumerate(began)]
    assert len(late) == 6
    assert all(0 <= one < PUNCTUAL_MS for one in late), late


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
