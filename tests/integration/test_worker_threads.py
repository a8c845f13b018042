"""Sync handlers in real threads, and the heartbeat's own: what virtual time cannot show."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from ductape import Ductape, Handlers, JobFailed, WorkerOptions
from ductape.app.system import SystemClock
from ductape.handlers.python import ThreadContext
from ductape.worker.heartbeat import ThreadHeartbeat

PRODUCT: dict[str, object] = {"tag": "shop", "envs": [{"slug": "dev"}]}


def a_job(event: str, **parts: object) -> dict[str, object]:
    return {
        "product_tag": "shop",
        "env": "dev",
        "event": event,
        "input": {},
        "start_at": 0,
        **parts,
    }


@asynccontextmanager
async def opened(
    folder: Path, handlers: Handlers, *, worker: WorkerOptions | None = None
) -> AsyncIterator[Ductape]:
    store = f"sqlite:///{folder / 'a.db'}"
    async with Ductape.open(store, config={}, handlers=handlers, worker=worker) as ductape:
        await ductape.products.apply(PRODUCT)
        yield ductape


async def until_status(ductape: Ductape, job_id: str, *wanted: str) -> str:
    """Look at each turn of the loop until a job has one of these statuses."""
    async with asyncio.timeout(20):
        while (status := (await ductape.jobs.get(job_id))["status"]) not in wanted:  # noqa: ASYNC110 (a row has no event)
            await asyncio.sleep(0.005)
    return status


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """What blocked threads wait for; let go whatever the test found."""
    event = threading.Event()
    yield event
    event.set()


async def test_a_sync_handler_does_not_stop_the_loop(
    tmp_path: Path, release: threading.Event
) -> None:
    handlers = Handlers()

    @handlers.job("blocking")
    def blocking() -> str:
        release.wait(20)
        return threading.current_thread().name

    @handlers.job("quick")
    async def quick() -> str:
        return "meanwhile"

    async with opened(tmp_path, handlers) as ductape:
        job = ductape.processor.job
        receipt = await job.dispatch(a_job("blocking"))
        assert await job.schedule(a_job("quick"), timeout=20) == "meanwhile"
        release.set()
        assert await job.wait(receipt["job_id"], timeout=20) == "ductape-handler"


async def test_a_thread_has_the_whole_context(tmp_path: Path) -> None:
    handlers = Handlers()

    @handlers.job("act")
    def act(ctx: ThreadContext) -> object:
        if ctx.attempt == 1:
            ctx.progress(1, 2)
            ctx.checkpoint({"done": 1})
            ctx.heartbeat()
            raise RuntimeError("half done")
        return [ctx.attempt, ctx.run, ctx.cancelled, ctx.last_checkpoint]

    async with opened(tmp_path, handlers) as ductape:
        job = a_job("act", retries=1, retryConfig={"initialDelay": 1})
        result = await ductape.processor.job.schedule(job, timeout=20)
    assert result == [2, 1, False, {"done": 1}]


async def test_context_variables_reach_the_thread(tmp_path: Path) -> None:
    tenant: ContextVar[str] = ContextVar("tenant", default="nobody")
    handlers = Handlers()

    @handlers.job("act")
    def act() -> str:
        return tenant.get()

    tenant.set("acme")
    async with opened(tmp_path, handlers) as ductape:
        assert await ductape.processor.job.schedule(a_job("act"), timeout=20) == "acme"


async def test_a_thread_past_its_time_out_is_cut_off_and_keeps_its_slot(
    tmp_path: Path, release: threading.Event
) -> None:
    handlers = Handlers()

    @handlers.job("blocking")
    def blocking() -> str:
        release.wait(20)
        return "late"

    @handlers.job("quick")
    async def quick() -> str:
        return "at last"

    options = WorkerOptions(concurrency=1, grace_ms=30)
    async with opened(tmp_path, handlers, worker=options) as ductape:
        job = ductape.processor.job
        with pytest.raises(JobFailed) as failed:
            await job.schedule(a_job("blocking", timeout=50), timeout=20)
        assert failed.value.error["code"] == "TIMEOUT"
        following = await job.dispatch(a_job("quick"))
        assert (await ductape.jobs.get(following["job_id"]))["status"] == "queued"
        release.set()
        assert await job.wait(following["job_id"], timeout=20) == "at last"
        view = await ductape.jobs.get(failed.value.job_id or "")
        assert (view["status"], view["result"]) == ("failed", None)


async def test_a_thread_sees_that_it_is_cancelled(tmp_path: Path) -> None:
    handlers = Handlers()
    began = threading.Event()

    @handlers.job("looking")
    def looking(ctx: ThreadContext) -> str:
        began.set()
        pause = threading.Event()
        while not ctx.cancelled:
            pause.wait(0.005)
        raise InterruptedError("as asked")

    async with opened(tmp_path, handlers) as ductape:
        receipt = await ductape.processor.job.dispatch(a_job("looking"))
        await until_status(ductape, receipt["job_id"], "running")
        await asyncio.to_thread(began.wait, 20)
        await ductape.jobs.cancel(receipt["job_id"])
        assert await until_status(ductape, receipt["job_id"], "cancelled", "failed") == "cancelled"


async def test_a_thread_told_twice_to_stop_still_keeps_its_slot(
    tmp_path: Path, release: threading.Event
) -> None:
    handlers = Handlers()

    @handlers.job("blocking")
    def blocking() -> None:
        release.wait(20)

    options = WorkerOptions(concurrency=1, grace_ms=30)
    async with opened(tmp_path, handlers, worker=options) as ductape:
        worker = ductape._workers["default"]
        receipt = await ductape.processor.job.dispatch(a_job("blocking", timeout=50))
        await until_status(ductape, receipt["job_id"], "failed")
        worker._lease_lost(worker.id)
        await until_status(ductape, receipt["job_id"], "failed")
        assert len(worker._held) == 1
        release.set()
        (held,) = worker._held.values()
        assert held.task is not None
        await asyncio.wait([held.task], timeout=20)
        assert len(worker._held) == 0


async def test_a_thread_that_never_returns_does_not_hold_the_stop(
    tmp_path: Path, release: threading.Event
) -> None:
    handlers = Handlers()

    @handlers.job("blocking")
    def blocking() -> None:
        release.wait(30)

    async with opened(tmp_path, handlers, worker=WorkerOptions(grace_ms=10)) as ductape:
        receipt = await ductape.processor.job.dispatch(a_job("blocking"))
        await until_status(ductape, receipt["job_id"], "running")
        worker = ductape._workers["default"]
        (held,) = worker._held.values()
    assert held.settled
    assert not release.is_set()
    release.set()
    assert held.task is not None
    await asyncio.wait([held.task], timeout=20)


class _Pulse:
    """Counts the beats; says no from a certain one on."""

    def __init__(self, *, good: int = 1_000_000) -> None:
        self.beats = 0
        self.closed = False
        self._good = good

    def beat(self, worker: str, *, now_ms: int, lease_ms: int) -> bool:
        del worker, now_ms, lease_ms
        self.beats += 1
        return self.beats <= self._good

    def close(self) -> None:
        self.closed = True


async def test_a_stuck_loop_loses_its_lease() -> None:
    pulse = _Pulse()
    heart = ThreadHeartbeat(pulse, SystemClock(), 60, lambda: None)
    heart.start("me")
    threading.Event().wait(0.5)  # the loop does not turn: a handler blocks it
    while_stuck = pulse.beats
    assert while_stuck <= 5
    async with asyncio.timeout(20):
        while pulse.beats < while_stuck + 3:  # noqa: ASYNC110 (a thread counts)
            await asyncio.sleep(0.005)
    await heart.aclose()
    assert pulse.closed


async def test_a_lost_lease_is_told_on_the_loop() -> None:
    told: asyncio.Event = asyncio.Event()
    where: list[Any] = []

    def lost(_: str) -> None:
        where.append(threading.current_thread())
        told.set()

    heart = ThreadHeartbeat(_Pulse(good=2), SystemClock(), 30, lost)
    heart.start("me")
    async with asyncio.timeout(20):
        await told.wait()
    await heart.aclose()
    assert where[0] is threading.main_thread()
