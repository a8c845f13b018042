"""Threads under virtual time: the clock stands still until the thread returns."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from ductape.testing.loop import VirtualLoop
from ductape.worker.threads import WorkerThreads

T = TypeVar("T")


class StandingThreads:
    """Implements `ports.threads.Threads`: a sync handler takes no virtual time.

    Its time-out can therefore not be simulated; an async handler's can.
    """

    def __init__(self) -> None:
        """Run the threads as a worker does."""
        self._threads = WorkerThreads()

    async def run(self, function: Callable[[], T]) -> T:
        """Call a function in a thread while virtual time stands still."""
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            return await self._threads.run(function)
        with loop.standing_still():
            return await self._threads.run(function)
