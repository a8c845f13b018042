"""Cancellations that the pool or the driver swallows: counted before, heeded after.

Until Python 3.12 `wait_for`, by which they wait, loses a cancellation that comes together with what
it waits for: a connection that is free, an answer of the server.

Before it lets go of a question the driver asks the server to drop it, and waits for its word: five
seconds for either, which a caller whose time is over has not. Where the server is silent the way to
it is shut instead, and the server drops the question when it finds out.
"""

import asyncio

import psycopg
from psycopg import AsyncConnection

from ductape.stores.postgres.rows.values import Row
from ductape.stores.postgres.server.patience import shut

DROPS_S = 0.4
"""How long a server may take to hear that a question is to be dropped, and again to say so."""


class Prompt(AsyncConnection[Row]):
    """A connection that lets go of a question soon, also where the server is silent."""

    async def cancel_safe(self, *, timeout: float = DROPS_S) -> None:
        """Have the question under way dropped, or, where that takes long, shut the connection."""
        try:
            async with asyncio.timeout(min(timeout, DROPS_S)):
                await super().cancel_safe(timeout=DROPS_S)
            answered = self.closed or await _readable(self.fileno())
        except (OSError, psycopg.Error):  # of the other connection that asks for it
            answered = False
        if not answered:
            shut(self)


async def _readable(fd: int) -> bool:
    """Wait for the server's word; tell whether there is any."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    loop.add_reader(fd, came.set)
    try:
        async with asyncio.timeout(DROPS_S):
            await came.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(fd)
    return True


def cancellations() -> int:
    """Return how often the task at hand was cancelled."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def heed_cancellation(before: int) -> None:
    """Raise a cancellation that has come since, and was swallowed."""
    if cancellations() > before:
        raise asyncio.CancelledError
