"""Cancellations that the pool or the driver swallows: counted before, heeded after.

Until Python 3.12 `wait_for`, by which they wait, loses a cancellation that comes together with what
it waits for: a connection that is free, an answer of the server.
"""

import asyncio


def cancellations() -> int:
    """Return how often the task at hand was cancelled."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def heed_cancellation(before: int) -> None:
    """Raise a cancellation that has come since, and was swallowed."""
    if cancellations() > before:
        raise asyncio.CancelledError
