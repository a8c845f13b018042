"""`Ductape.sync`: the same surface, blocking (SPEC 1).

    with Ductape.sync() as ductape:
        result = ductape.processor.job.schedule({...})

There is no second copy of anything: an event loop runs in a thread of its own, and every call is
handed to it. Usable from any thread.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import iscoroutinefunction, isroutine
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, cast

from ductape.errors import DuctapeError

T = TypeVar("T")


class Opened(Protocol):
    """What is opened on a loop and closed on it."""

    async def __aenter__(self) -> Self:
        """Open."""
        ...

    async def aclose(self) -> None:
        """Close; twice is harmless."""
        ...


class BlockingDuctape:
    """An open `Ductape` whose calls block; its names are those of `Ductape`."""

    def __init__(self, make: Callable[[], Opened]) -> None:
        """Make the `Ductape` on the loop's own thread when it is entered."""
        self._make = make
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._inner: Opened | None = None

    def __enter__(self) -> Self:
        """Start the loop and open the store; raises what `Ductape.open` raises."""
        loop = asyncio.new_event_loop()
        self._loop = loop
        self._thread = threading.Thread(target=loop.run_forever, name="ductape-loop", daemon=True)
        self._thread.start()
        try:
            self._inner = self._run(self._open())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the worker gracefully and close the store."""
        self.close()

    def close(self) -> None:
        """Stop and close; twice is harmless."""
        inner, self._inner = self._inner, None
        if inner is not None:
            self._run(inner.aclose())
        self._stop()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever `Ductape` has by that name)
        """Return `processor`, `jobs` and so on, blocking."""
        if self._inner is None:
            raise DuctapeError("Ductape is not open", hint="use `with Ductape.sync() as ductape:`")
        return _blocking(getattr(self._inner, name), self._run)

    async def _open(self) -> Opened:
        return await self._make().__aenter__()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Hand work to the loop and wait; an interrupt cancels it."""
        if self._loop is None:
            work.close()
            raise DuctapeError("Ductape is closed", hint="open it again")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _stop(self) -> None:
        loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join()
        loop.close()


class _Namespace:
    """A part of `Ductape`, blocking."""

    def __init__(self, part: object, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._part = part
        self._run = run

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever the part has by that name)
        return _blocking(getattr(self._part, name), self._run)


def _blocking(found: object, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> object:
    if iscoroutinefunction(found):
        call = cast("Callable[..., Coroutine[Any, Any, Any]]", found)

        @wraps(call)
        def blocking(*given: object, **named: object) -> object:
            return run(call(*given, **named))

        return blocking
    ours = type(found).__module__.startswith("ductape.")
    return _Namespace(found, run) if ours and not isroutine(found) else found
