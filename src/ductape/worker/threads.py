"""Threads for sync handlers. A thread cannot be stopped: its slot stays taken until it returns."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

from ductape.ports.handler import Quit

T = TypeVar("T")


class WorkerThreads:
    """A thread for each call: the worker's slots bound how many there are.

    They are daemons, so that one that never returns does not hold the process's stop.
    """

    async def run(self, function: Callable[[], T]) -> T:
        """Call a function in a thread; told to stop, still wait until the thread returns."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        call = _Call(function, future, loop)
        threading.Thread(
            target=contextvars.copy_context().run,
            args=(call,),
            name="ductape-handler",
            daemon=True,
        ).start()
        while not future.done():
            try:
                await asyncio.shield(future)
            except asyncio.CancelledError:
                await asyncio.wait([future])
        return future.result()


class _Call:
    """One call, which hands its end to the event loop."""

    def __init__(
        self,
        function: Callable[[], T],
        future: asyncio.Future[T],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._function = function
        self._future = future
        self._loop = loop

    def __call__(self) -> None:
        try:
            result = self._function()
        except BaseException as error:  # noqa: BLE001 (the call of a handler: its caller raises it)
            self._end(self._future.set_exception, _raisable(error))
        else:
            self._end(self._future.set_result, result)

    def _end(self, tell: Callable[..., None], value: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(tell, value)


def _raisable(error: BaseException) -> BaseException:
    """Replace what a future cannot carry, or would end the event loop with."""
    match error:
        case StopIteration():
            return RuntimeError(str(error))
        case Exception() | asyncio.CancelledError():
            return error
        case _:
            return Quit(error)
