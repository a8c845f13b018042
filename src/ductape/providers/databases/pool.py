"""Connections to one database, lent one at a time and kept for the next.

A connection goes back only if whoever had it says that it is sound: after a commit or a rollback
that the server has answered. It goes back clean: what an action has left on it (settings, temporary
tables, locks) is taken away at once. No statement tells what it leaves: any function or trigger may
leave something. One that has been lost while nobody used it is found out by what each lending
begins with, which changes nothing, and another one is taken. One that nobody has wanted for a
while is closed, though nobody comes any more. Spans are seconds.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Generic, Protocol, TypeVar

C = TypeVar("C")

KEPT_S = 60.0
"""How long a connection is kept that nobody uses: less than most firewalls and servers do."""

CLEAN_S = 5.0
"""How long a connection may take to be made clean, before it is closed instead."""

Begin = Callable[[C], Awaitable[None]]
"""What a lending begins with: it may fail on a kept connection, and is done again on another."""


class Driver(Protocol[C]):
    """How connections of one kind are made and ended."""

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        """What beginning raises where a connection is no more."""
        ...

    async def open(self) -> C:
        """Connect; raises `ProviderError`."""
        ...

    def is_alive(self, connection: C) -> bool:
        """Tell, as far as can be seen without asking, whether a kept connection is well."""
        ...

    async def clean(self, connection: C) -> bool:
        """Make it as it was when it was new; tell whether that has been done. Never raises."""
        ...

    async def close(self, connection: C) -> None:
        """End it; never raises."""
        ...


class Lent(Generic[C]):
    """A connection that somebody has."""

    __slots__ = ("connection", "sound")

    def __init__(self, connection: C) -> None:
        self.connection = connection
        self.sound = False
        """Set by the borrower once nothing is under way on it."""


class Pool(Generic[C]):
    """At most so many connections; who comes when all are lent waits for one."""

    def __init__(self, driver: Driver[C], most: int, now: Callable[[], float]) -> None:
        """Open nothing yet; `now` is the event loop's time."""
        self._driver = driver
        self._free = asyncio.Semaphore(most)
        self._kept: list[tuple[C, float]] = []
        """The one that came back first is the first; whoever comes gets the last."""
        self._now = now
        self._timer: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    @asynccontextmanager
    async def lend(self, begin: Begin[C]) -> AsyncGenerator[Lent[C]]:
        """Lend a connection that has begun; raises what opening or beginning does."""
        async with self._free:
            lent = Lent(await self._begun(begin))
            try:
                yield lent
            finally:
                await self._back(lent)

    async def aclose(self) -> None:
        """Close what is kept, and what is lent once it comes back."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.gather(*self._closing)
        while self._kept:
            connection, _ = self._kept.pop()
            await self._driver.close(connection)

    async def _begun(self, begin: Begin[C]) -> C:
        while self._kept:
            connection, until = self._kept.pop()
            if self._now() < until and self._driver.is_alive(connection):
                with suppress(*self._driver.lost):
                    return await self._or_closed(connection, begin)
            else:
                await self._driver.close(connection)
        return await self._or_closed(await self._driver.open(), begin)

    async def _or_closed(self, connection: C, begin: Begin[C]) -> C:
        try:
            await begin(connection)
        except BaseException:
            await _to_the_end(self._driver.close(connection))
            raise
        return connection

    async def _back(self, lent: Lent[C]) -> None:
        if lent.sound and await self._cleaned(lent.connection) and not self._closed:
            self._kept.append((lent.connection, self._now() + KEPT_S))
            self._look_later()
        else:
            await _to_the_end(self._driver.close(lent.connection))

    def _look_later(self) -> None:
        """Look again once the time of the oldest is over."""
        if self._kept and self._timer is None and not self._closed:
            wait_s = max(self._kept[0][1] - self._now(), 0)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._look)

    def _look(self) -> None:
        task = asyncio.create_task(self._close_old())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close_old(self) -> None:
        while self._kept and self._kept[0][1] <= self._now():
            connection, _ = self._kept.pop(0)
            await self._driver.close(connection)
        self._timer = None
        self._look_later()

    async def _cleaned(self, connection: C) -> bool:
        if self._closed:
            return False
        try:
            async with asyncio.timeout(CLEAN_S):
                return await self._driver.clean(connection)
        except TimeoutError:
            return False
        except BaseException:
            await _to_the_end(self._driver.close(connection))
            raise


async def _to_the_end(closing: Awaitable[None]) -> None:
    """Wait until it is closed, though whoever waits be cancelled meanwhile."""
    task = asyncio.ensure_future(closing)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
