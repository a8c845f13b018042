"""Waiting for a part of a run for no longer than it may take.

A part that does not stop when it is told to (a thread cannot) is left behind: what it comes to
counts no more, and whoever holds the run's slot keeps it until the part has ended.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

LEAVING_S = 0.1
"""How long a part that was told to stop may take to put its things away before it is left."""

Leave = Callable[["asyncio.Task[Any]"], None]
"""Takes a part that was left behind."""


class TooLate(Exception):
    """A part has not ended within its time."""


async def within(timeout_ms: int, work: Coroutine[Any, Any, T], leave: Leave) -> T:
    """Return what the work returns, or raise what it raises; `TooLate` where its time is over.

    Told to stop meanwhile, tell the work, and wait for it as if it were awaited in its place.
    """
    task = asyncio.create_task(work)
    told = False
    until_s = asyncio.get_running_loop().time() + timeout_ms / 1000
    while not task.done():
        left_s = None if told else until_s - asyncio.get_running_loop().time()
        if left_s is not None and left_s <= 0:
            await _leave(task, leave)
            raise TooLate
        try:
            await asyncio.wait([task], timeout=left_s)
        except asyncio.CancelledError:
            told = True
            task.cancel()
    return task.result()


async def _leave(task: "asyncio.Task[Any]", leave: Leave) -> None:
    """Tell a part to stop, and leave it if it does not."""
    task.cancel()
    try:
        await asyncio.wait([task], timeout=LEAVING_S)
    finally:
        if not task.done():
            leave(task)
        elif not task.cancelled():
            task.exception()  # It was too late, whatever it says.
