"""Jobs, handlers and products for the worker's tests: small, and right unless told otherwise."""

import asyncio
from collections.abc import Callable
from typing import Any

from ductape import Handlers
from ductape.domain.wire import JobView
from ductape.testing import Harness
from ductape.worker.worker import Worker

PRODUCT: dict[str, object] = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "caches": [{"tag": "quick", "expiry": 5_000}],
    "sessions": [
        {
            "tag": "user",
            "schema": {"id": "u1", "pet": "x"},
            "selector": "$Session{id}",
            "expiry": 1,
            "period": "hours",
        }
    ],
}


def a_job(event: str = "act", **parts: object) -> dict[str, object]:
    """Return a request that runs at once."""
    whole: dict[str, object] = {
        "product_tag": "shop",
        "env": "dev",
        "event": event,
        "input": {},
        "start_at": 0,
    }
    return {**whole, **parts}


def registry(**functions: Callable[..., object]) -> Handlers:
    """Return a registry of job handlers by tag."""
    handlers = Handlers()
    for tag, function in functions.items():
        handlers.job(tag)(function)
    return handlers


async def sleeper(input: dict[str, Any]) -> str:  # noqa: A002 (a handler's own name for it)
    """Take as long as the input says, in ms."""
    await asyncio.sleep(input.get("ms", 0) / 1000)
    return "slept"


def worker_of(harness: Harness) -> Worker:
    """Return the harness's own worker."""
    return harness.ductape._workers["default"]


async def view_of(harness: Harness, job_id: str) -> JobView:
    """Return a job as its caller sees it."""
    return await harness.ductape.jobs.get(job_id)


async def until_status(harness: Harness, job_id: str, status: str) -> JobView:
    """Let time pass until a job has a status."""

    async def reached() -> JobView | None:
        view = await view_of(harness, job_id)
        return view if view["status"] == status else None

    found = await harness.until(reached, within_ms=600_000)
    assert found is not None
    return found


def statuses(view: JobView) -> list[str]:
    """Return how each attempt of a job's latest run ended."""
    return [attempt["status"] for attempt in view["attempts"]]
