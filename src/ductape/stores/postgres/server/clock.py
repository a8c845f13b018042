"""The server's time on every host, whatever their own clocks say (SPEC 3).

The server is asked now and then. In between its time is a steady count of this machine (`Ticks`)
plus a difference. When between question and answer the server looked at its clock nobody knows, so
that the difference is known as a span, and several spans together are narrower than each. The clock
goes by the low end: never ahead of the server, and behind it by no more than an answer's way and
what the two may have drifted apart. It goes back only where the server's own clock did.

Counts, ends of spans and instants in between are nanoseconds.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from msgspec import Struct

from ductape.domain.schema import StoreSchema
from ductape.errors import StoreError
from ductape.ports.clock import Ticks
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction

LOOK_EVERY_S = 5.0
SHARP_NS = 500_000_000
"""How old a look may be by which a run is begun that waits for its instant."""
LOOKS_WHERE_WANTED = 3
"""The answer to somebody who has slept takes twice as long: a few in a row are narrower."""
FIRST_LOOKS = 3
"""The first answer has waited for its plan: a few more give a narrower span."""
DRIFT_PPM = 200
"""How fast two clocks may part, in millionths: a few times what a bad quartz does (1 ms in 5 s)."""
WORTH_TELLING_NS = 1_000_000_000
"""Somebody set the server's clock, or another server answers now."""

log = logging.getLogger("ductape.store")


class Span(Struct, frozen=True):
    """What the server's clock is ahead of the ticks: at least `low`, at most `high`."""

    at_ns: int
    """The ticks when it was found."""
    low_ns: int
    high_ns: int


Look = Callable[[], Awaitable[Span]]


def found(*, asked_ns: int, told_ns: int, heard_ns: int) -> Span:
    """Say what an answer tells: the server's clock was read after the question, before the answer.

    >>> found(asked_ns=1_000, told_ns=9_000, heard_ns=3_000)
    Span(at_ns=3000, low_ns=6000, high_ns=8000)
    """
    return Span(heard_ns, low_ns=told_ns - heard_ns, high_ns=told_ns - asked_ns)


def joined(known: Span, new: Span) -> Span:
    """Narrow what is known by what is new; where both cannot be true, the new one is.

    >>> joined(Span(0, low_ns=4, high_ns=10), Span(0, low_ns=2, high_ns=7))
    Span(at_ns=0, low_ns=4, high_ns=7)
    >>> joined(Span(0, low_ns=4, high_ns=10), Span(0, low_ns=1, high_ns=2))
    Span(at_ns=0, low_ns=1, high_ns=2)
    """
    drift_ns = _drift_ns(known, new.at_ns)
    low_ns = max(known.low_ns - drift_ns, new.low_ns)
    high_ns = min(known.high_ns + drift_ns, new.high_ns)
    return new if low_ns > high_ns else Span(new.at_ns, low_ns, high_ns)


class ServerClock:
    """Implements `ports.clock.Clock`: the server's time, from any thread."""

    def __init__(self, look: Look, ticks: Ticks, first: Span) -> None:
        """Go by the first span until `serve` finds others."""
        self._look = look
        self._ticks = ticks
        self._span = first
        self._heard = True
        self._wanted = asyncio.Event()

    def now_ms(self) -> int:
        """Return epoch milliseconds, never ahead of the server's clock."""
        span = self._span  # before the ticks, which are then never before its own
        now_ns = self._ticks.now_ns()
        return (now_ns + span.low_ns - _drift_ns(span, now_ns)) // 1_000_000

    async def serve(self) -> None:
        """Ask the server every few seconds, and when it is worth it, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wanted.wait()
            for _ in range(LOOKS_WHERE_WANTED if self._wanted.is_set() else 1):
                await self.look()
            self._wanted.clear()

    def sharpen(self) -> None:
        """Ask the server soon: somebody waits for an instant, and what is known wears off."""
        if self._ticks.now_ns() - self._span.at_ns > SHARP_NS:
            self._wanted.set()

    async def look(self) -> None:
        """Ask the server once; where it does not answer, the last difference goes on counting."""
        try:
            new = await self._look()
        except StoreError as error:
            if self._heard:
                log.warning("the server's time cannot be read, going on by the last: %s", error)
            self._heard = False
            return
        self._heard = True
        moved_ns = new.low_ns - self._span.low_ns
        if abs(moved_ns) >= WORTH_TELLING_NS:
            log.warning("the server's clock was set by %+d ms", moved_ns // 1_000_000)
        self._span = joined(self._span, new)


async def server_clock(look: Look, ticks: Ticks) -> ServerClock:
    """Make a clock that has asked already; raises `StoreError`."""
    span = await look()
    for _ in range(1, FIRST_LOOKS):
        span = joined(span, await look())
    return ServerClock(look, ticks, span)


def looking(engine: Engine, ticks: Ticks) -> Look:
    """Return how to ask an engine's server; each look raises `StoreError` if it does not answer.

    The same question tells whether a migration has made this program too old.
    """

    async def ask(transaction: Transaction) -> Span:
        asked_ns = ticks.now_ns()
        [[told_us, number, oldest]] = await transaction.rows("clock", "now")
        heard_ns = ticks.now_ns()
        engine.heed(StoreSchema(number, oldest))
        return found(asked_ns=asked_ns, told_ns=told_us * 1_000, heard_ns=heard_ns)

    return lambda: engine.single(ask)


def _drift_ns(span: Span, now_ns: int) -> int:
    return (now_ns - span.at_ns) * DRIFT_PPM // 1_000_000
