"""`Ductape.sync`: the same surface, blocking (SPEC 1).

    with Ductape.sync() as ductape:
        result = ductape.processor.job.schedule({...})

There is no second copy of anything: an event loop runs in a thread of its own, and every call is
handed to it. Usable from any thread. What is an `async with` there is a `with` here, and what is
an `async for` a `for`.
"""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable
from contextlib import AbstractAsyncContextManager
from contextvars import Context, copy_context
from functools import wraps
from inspect import iscoroutinefunction, isroutine
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar, cast

from ductape.errors import DuctapeError

T = TypeVar("T")
LAST_S = 1.0
"""How long what is under way may take to end by itself once all is closed, and then to be ended."""

Run = Callable[[Coroutine[Any, Any, Any]], Any]


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
        self._process = os.getpid()
        self._closing = threading.RLock()
        self._handing = threading.Lock()
        """Held by whoever hands something to the loop, or takes the loop away."""

    def __enter__(self) -> Self:
        """Start the loop and open the store; raises what `Ductape.open` raises."""
        if self._inner is not None:
            raise DuctapeError("Ductape is open already", hint="call `Ductape.sync` once more")
        self._process = os.getpid()
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
        """Stop and close; twice is harmless, and so it is in a forked process."""
        if self._is_elsewhere():
            return
        self._refuse_own_loop()
        with self._closing:
            if self._inner is None:
                return
            try:
                self._run(self._inner.aclose())
            finally:
                self._inner = None
                self._stop()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever `Ductape` has by that name)
        """Return `processor`, `jobs` and so on, blocking."""
        if name.startswith("_"):
            raise AttributeError(name)
        if self._inner is None:
            raise DuctapeError("Ductape is not open", hint="use `with Ductape.sync() as ductape:`")
        return _blocking(getattr(self._inner, name), self._run)

    def __dir__(self) -> Iterable[str]:
        """Name what is here, for whoever types it at a prompt."""
        return ["close", *_public_names(self._inner)]

    async def _open(self) -> Opened:
        return await self._make().__aenter__()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Hand work to the loop and wait."""
        try:
            call = self._handed(work)
        except DuctapeError:
            work.close()
            raise
        return call.answer()

    def _handed(self, work: Coroutine[Any, Any, T]) -> "_Call[T]":
        if self._is_elsewhere():
            raise DuctapeError(
                "Ductape was opened by the process that this one was forked from",
                hint="open one here, after the fork",
            )
        self._refuse_own_loop()
        with self._handing:
            if self._loop is None:
                raise DuctapeError("Ductape is closed", hint="open it again")
            return _Call(work, self._loop)

    def _is_elsewhere(self) -> bool:
        """Tell whether the loop runs in another process: a fork does not take threads along."""
        return self._process != os.getpid()

    def _refuse_own_loop(self) -> None:
        """Refuse a call that the loop itself would have to answer, while it waits for it."""
        if threading.current_thread() is self._thread:
            raise DuctapeError(
                "a blocking call on the event loop of `Ductape.sync` would wait for itself",
                hint="make the handler a plain `def`: it runs in a thread, where calls may block",
            )

    def _stop(self) -> None:
        with self._handing:
            loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        _Call(_ended_tasks(), loop).answer()
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join()
        loop.close()


class _Call(Generic[T]):
    """One call, carried out on the loop while the thread that made it waits."""

    def __init__(self, work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> None:
        """Hand the call to the loop."""
        self._work = work
        self._loop = loop
        self._context = copy_context()
        self._ended = threading.Event()
        self._task: asyncio.Task[T] | None = None
        loop.call_soon_threadsafe(self._begin)

    def answer(self) -> T:
        """Return or raise what the work does; an interrupt cancels it and waits for its end."""
        try:
            self._ended.wait()
        except BaseException:
            self._loop.call_soon_threadsafe(self._cancel)
            self._ended.wait()
            raise
        _adopt(self._context)
        task = cast("asyncio.Task[T]", self._task)
        if task.cancelled():
            raise DuctapeError("Ductape was closed before this call had ended")
        return task.result()

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._work, context=self._context)
        self._task.add_done_callback(lambda _: self._ended.set())

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


async def _ended_tasks() -> None:
    """See to the end of what is still under way on the loop, so that no thread waits for ever."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:  # who waits for a job hears that the store is closed
        _, left = await asyncio.wait(left, timeout=LAST_S)
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=LAST_S)


class _Namespace:
    """A part of `Ductape`, blocking."""

    def __init__(self, part: object, run: Run) -> None:
        self.wrapped = part
        self._run = run

    def __dir__(self) -> Iterable[str]:
        return _public_names(self.wrapped)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever the part has by that name)
        if name.startswith("_"):
            raise AttributeError(name)
        return _blocking(getattr(self.wrapped, name), self._run)


class _Block:
    """A block such as that of `transaction()`, blocking."""

    def __init__(self, block: AbstractAsyncContextManager[object], run: Run) -> None:
        self._block = block
        self._run = run

    def __enter__(self) -> object:
        return _blocking(self._run(self._block.__aenter__()), self._run)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return self._run(self._block.__aexit__(kind, error, trace))


async def _next(steps: AsyncGenerator[T]) -> T:
    return await anext(steps)


def _iterated(steps: AsyncGenerator[object], run: Run) -> Generator[object]:
    """Give what an asynchronous iterator such as `jobs.watch` gives, each when it comes."""
    try:
        while True:
            try:
                yield run(_next(steps))
            except StopAsyncIteration:
                return
    finally:
        run(_ended(steps))


async def _ended(steps: AsyncGenerator[object]) -> None:
    await steps.aclose()


def _blocking(found: object, run: Run) -> object:
    if isroutine(found):
        return _blocking_call(cast("Callable[..., object]", found), run)
    ours = type(found).__module__.startswith("ductape.")
    return _Namespace(found, run) if ours else found


def _blocking_call(call: Callable[..., object], run: Run) -> Callable[..., object]:
    @wraps(call)
    def blocking(*given: object, **named: object) -> object:
        parts = map(_unwrapped, given)
        answer = call(*parts, **{name: _unwrapped(each) for name, each in named.items()})
        if iscoroutinefunction(call):
            return run(cast("Coroutine[Any, Any, Any]", answer))
        if isinstance(answer, AbstractAsyncContextManager):
            return _Block(cast("AbstractAsyncContextManager[object]", answer), run)
        if isinstance(answer, AsyncGenerator):
            return _iterated(cast("AsyncGenerator[object]", answer), run)
        return answer

    return blocking


def _public_names(part: object) -> list[str]:
    return [name for name in dir(part) if not name.startswith("_")]


def _unwrapped(given: object) -> object:
    """Return the part behind a blocking one, such as a transaction handed on."""
    return given.wrapped if isinstance(given, _Namespace) else given


def _adopt(context: Context) -> None:
    """Set here what a call has set in its context, as if the calling thread had awaited it."""
    here = copy_context()
    for variable, value in context.items():
        if here.get(variable) is not value:
            variable.set(value)
