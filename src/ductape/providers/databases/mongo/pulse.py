"""The first look at a MongoDB server: one that fails ends the wait for it.

pymongo looks again and again at a server that hangs up or talks nonsense, until all the time of the
attempt is spent. The job has its own retries, and an attempt more to tell what is wrong.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from pymongo.errors import AutoReconnect, PyMongoError
from pymongo.monitoring import (
    ServerHeartbeatFailedEvent,
    ServerHeartbeatListener,
    ServerHeartbeatStartedEvent,
    ServerHeartbeatSucceededEvent,
)

T = TypeVar("T")

_AGAIN_S = 0.05


class FirstFailure(ServerHeartbeatListener):
    """Hears what pymongo's own looks at a server come to."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self._failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    def started(self, event: ServerHeartbeatStartedEvent) -> None:
        """Wait for what becomes of it."""

    def succeeded(self, event: ServerHeartbeatSucceededEvent) -> None:
        """Leave it to whoever asked something."""

    def failed(self, event: ServerHeartbeatFailedEvent) -> None:
        """Keep the first."""
        if not self._failed.done():
            self._failed.set_result(event.reply)

    async def or_done(self, asking: Coroutine[Any, Any, T]) -> T:
        """Return what is asked for; raises `PyMongoError` as soon as a look has failed."""
        task = asyncio.ensure_future(asking)
        try:
            await asyncio.wait({task, self._failed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _stopped(task)
        if not task.cancelled():
            return task.result()
        error = self._failed.result()
        raise error if isinstance(error, PyMongoError) else AutoReconnect(str(error)) from error


async def _stopped(task: "asyncio.Task[T]") -> None:
    """Cancel until it has been heard: what pymongo waits for may come in the same moment."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN_S)
