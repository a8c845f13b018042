"""A part of a run that does not stop in time is left behind: its result counts no more (SPEC 8)."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from ductape import Ductape, Handlers, WorkerOptions
from ductape.domain.jsonvalue import JsonObject
from ductape.handlers.python import ThreadContext

PATIENCE_MS = 150
DOCUMENT: dict[str, object] = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "fallbacks": [
        {
            "tag": "mail",
            "options": [
                {"type": "job", "event": "blocking", "timeout": PATIENCE_MS},
                {"type": "job", "event": "quick"},
            ],
        }
    ],
    "features": [
        {
            "tag": "steps",
            "sequence": [
                {
                    "tag": "main",
                    "events": [{"type": "job", "event": "blocking", "timeout": PATIENCE_MS}],
                }
            ],
        }
    ],
}


def a_job(event: str) -> dict[str, object]:
    return {"product_tag": "shop", "env": "dev", "event": event, "input": {}, "start_at": 0}


class Blocking:
    """A thread that is blocked until it is let go."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.was_told = threading.Event()
        self.handlers = Handlers()

        @self.handlers.job("blocking")
        def blocking(ctx: ThreadContext) -> str:
            while not self.release.wait(0.01):
                if ctx.cancelled:
                    self.was_told.set()
            return "late"

        @self.handlers.job("quick")
        async def quick() -> str:
            return "quick"


@pytest.fixture
def blocking() -> Iterator[Blocking]:
    made = Blocking()
    yield made
    made.release.set()


@asynccontextmanager
async def shop(folder: Path, blocking: Blocking) -> AsyncIterator[Ductape]:
    store = f"sqlite:///{folder / 'a.db'}"
    options = WorkerOptions(concurrency=1, grace_ms=200)
    async with Ductape.open(store, handlers=blocking.handlers, worker=options) as ductape:
        await ductape.products.apply(DOCUMENT)
        yield ductape


async def test_another_option_answers_for_a_thread_that_does_not_end(
    tmp_path: Path, blocking: Blocking
) -> None:
    async with shop(tmp_path, blocking) as ductape:
        result = await ductape.processor.job.schedule(a_job("mail"), timeout=10)
        blocking.release.set()
        found = cast("JsonObject", result)
        assert (found["provider"], found["output"]) == ("quick", "quick")
        (failure,) = cast("list[JsonObject]", found["failures"])
        assert (failure["provider"], failure["code"]) == ("blocking", "TIMEOUT")


async def test_a_thread_that_was_left_is_told_so_and_keeps_the_slot(
    tmp_path: Path, blocking: Blocking
) -> None:
    async with shop(tmp_path, blocking) as ductape:
        job = ductape.processor.job
        await job.schedule(a_job("mail"), timeout=10)
        assert await asyncio.to_thread(blocking.was_told.wait, 10)
        following = await job.dispatch(a_job("quick"))
        worker = ductape._workers["default"]
        (held,) = worker._held.values()
        assert worker._wish().slots == 0
        assert (await ductape.jobs.get(following["job_id"]))["status"] == "queued"
        blocking.release.set()
        assert await job.wait(following["job_id"], timeout=10) == "quick"
        assert held.settled


async def test_a_step_of_a_feature_that_does_not_end_has_timed_out(
    tmp_path: Path, blocking: Blocking
) -> None:
    async with shop(tmp_path, blocking) as ductape:
        receipt = await ductape.processor.job.dispatch(a_job("steps"))
        async with asyncio.timeout(10):
            async for view in ductape.jobs.watch(receipt["job_id"]):
                if view["status"] == "failed":
                    break
        assert view["last_error"] is not None
        assert view["last_error"]["code"] == "TIMEOUT"
        blocking.release.set()
