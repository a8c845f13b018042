"""Two real processes on one file: wake-up, cancellation, death by SIGKILL, a frozen process.

The other process is this file, run as a program; it says on its output what it does.
"""

import asyncio
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import apsw
import pytest

from ductape import Ductape, Handlers, JobCancelled, WorkerOptions

PRODUCT: dict[str, object] = {"tag": "shop", "envs": [{"slug": "dev"}]}
SHORT = WorkerOptions(lease_ms=600, grace_ms=200, upkeep_ms=100)


def a_job(event: str, **parts: object) -> dict[str, object]:
    return {
        "product_tag": "shop",
        "env": "dev",
        "event": event,
        "input": {},
        "start_at": 0,
        **parts,
    }


def handlers_of(name: str, *, patient: bool) -> Handlers:
    """Make handlers that say which process they run in; `slow` waits only in the other one."""
    handlers = Handlers()

    @handlers.job("slow")
    async def slow() -> str:
        _say("began slow")
        if patient:
            await asyncio.sleep(3_600)
        return name

    @handlers.job("brief")
    async def brief() -> str:
        _say("began brief")
        if patient:
            await asyncio.sleep(1.5)
        return name

    @handlers.job("quick")
    async def quick() -> str:
        return name

    return handlers


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _serve(store: str) -> None:
    handlers = handlers_of("the other", patient=True)
    async with Ductape.open(store, config={}, handlers=handlers, worker=SHORT):
        _say("ready")
        await asyncio.Event().wait()


@asynccontextmanager
async def other_process(store: str) -> AsyncIterator[Process]:
    """Run a worker in a process of its own, ended at the end whatever became of it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, store, stdout=PIPE, cwd=Path(__file__).parents[2]
    )
    try:
        await said(process, "ready")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def said(process: Process, line: str) -> None:
    """Wait for a line of the other process's output."""
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while (found := (await process.stdout.readline()).decode().strip()) != line:
            assert found, f"the other process ended before it said `{line}`"


async def freeze(process: Process, store: str) -> None:
    """Freeze a process while it does not hold the file's lock, which would freeze everybody."""
    connection = apsw.Connection(store.removeprefix("sqlite:///"))
    connection.set_busy_timeout(10_000)
    connection.execute("BEGIN IMMEDIATE")
    process.send_signal(signal.SIGSTOP)
    state = Path(f"/proc/{process.pid}/stat")
    async with asyncio.timeout(20):
        while ") T " not in state.read_text():  # noqa: ASYNC110, ASYNC240 (the kernel tells nobody)
            await asyncio.sleep(0.001)
    connection.execute("ROLLBACK")
    connection.close()


@pytest.fixture
async def store(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    async with Ductape.open(url, config={}, worker=False) as ductape:
        await ductape.products.apply(PRODUCT)
    return url


async def test_a_job_stored_here_wakes_the_worker_there(store: str) -> None:
    async with (
        other_process(store),
        Ductape.open(store, config={}, worker=False) as ductape,
    ):
        job = ductape.processor.job
        assert await job.schedule(a_job("quick"), timeout=20) == "the other"
        began_s = time.monotonic()
        for _ in range(5):
            await job.schedule(a_job("quick"), timeout=20)
        # The safety net alone looks once a second.
        assert time.monotonic() - began_s < 2.5


async def test_a_killed_process_s_run_is_taken_over(store: str) -> None:
    handlers = handlers_of("the survivor", patient=False)
    async with other_process(store) as process:
        async with Ductape.open(store, config={}, worker=False) as ductape:
            receipt = await ductape.processor.job.dispatch(a_job("slow"))
            await said(process, "began slow")
        process.send_signal(signal.SIGKILL)
        await process.wait()
        async with Ductape.open(store, config={}, handlers=handlers, worker=SHORT) as ductape:
            result = await ductape.processor.job.wait(receipt["job_id"], timeout=20)
            view = await ductape.jobs.get(receipt["job_id"])
    assert result == "the survivor"
    assert [attempt["status"] for attempt in view["attempts"]] == ["lost", "completed"]
    assert view["retry_count"] == 0


async def test_a_job_running_there_is_cancelled_from_here(store: str) -> None:
    async with (
        other_process(store) as process,
        Ductape.open(store, config={}, worker=False) as ductape,
    ):
        receipt = await ductape.processor.job.dispatch(a_job("slow"))
        await said(process, "began slow")
        began_s = time.monotonic()
        await ductape.jobs.cancel(receipt["job_id"], reason="from the other side")
        with pytest.raises(JobCancelled, match="from the other side"):
            await ductape.processor.job.wait(receipt["job_id"], timeout=20)
        assert time.monotonic() - began_s < 1


async def test_a_process_that_was_frozen_cannot_settle_what_it_lost(store: str) -> None:
    handlers = handlers_of("the survivor", patient=False)
    async with other_process(store) as process:
        async with Ductape.open(store, config={}, worker=False) as ductape:
            receipt = await ductape.processor.job.dispatch(a_job("brief"))
            await said(process, "began brief")
        await freeze(process, store)
        async with Ductape.open(store, config={}, handlers=handlers, worker=SHORT) as ductape:
            job = ductape.processor.job
            assert await job.wait(receipt["job_id"], timeout=20) == "the survivor"
            process.send_signal(signal.SIGCONT)
            # It comes back under a new name and works on; what it had is no longer its own.
            await ductape.aclose()
        async with Ductape.open(store, config={}, worker=False) as ductape:
            assert await ductape.processor.job.schedule(a_job("quick"), timeout=20) == "the other"
            view = await ductape.jobs.get(receipt["job_id"])
    assert view["result"] == "the survivor"
    assert [attempt["status"] for attempt in view["attempts"]] == ["lost", "completed"]


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
