"""The troubles that a story may have, and who makes which of them when.

A deck holds each kind, deaths twice, and is shuffled by the seed; when it is empty it is made anew.
One trouble follows the other, save that a frozen worker stays so while the next ones happen. While
the store cannot be reached nobody can be taken over: those stretches are written down as outages,
and so are those in which the machine itself has more to do than it can.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random

from tests.servers.postgres import PostgresServer
from tests.servers.proxy import Proxy
from torture.fleet import Fleet
from torture.ledger import right_ns
from torture.plan import Plan

RECOVERY_MS = 2_000
"""How long after an outage a process may take to find its way back to the server."""
PAUSE_S = (0.3, 1.2)
BREATH_S, OUT_OF_BREATH_MS = 0.1, 600
"""A sleep so short that takes so long tells that the machine does not keep up."""
LONGER_S = (0.2, 2.5)
"""How long a worker stays frozen after its runs were taken over: some are in others' hands."""
DEATHS = ("killed", "frozen")
CUT_OFF_S = (0.5, 2.0)
LATE_S = (0.01, 0.1)

Trouble = Callable[[], Awaitable[None]]


class Troubles:
    """Makes trouble for a fleet."""

    def __init__(
        self, plan: Plan, fleet: Fleet, *, line: tuple[Proxy, PostgresServer] | None = None
    ) -> None:
        """`line`: the way to the server, and the server; none where the store is a file."""
        self._plan = plan
        self._fleet = fleet
        self._draw = Random(f"trouble {plan.seed}")  # noqa: S311 (repeatable on purpose)
        self._frozen: asyncio.Task[None] | None = None
        self._kinds: dict[str, Trouble] = {
            "killed": self._kill,
            "frozen": self._freeze,
            "rolled over": fleet.roll,
        }
        if line is not None:
            self._proxy, self._server = line
            self._kinds |= {
                "connections cut": self._cut,
                "line dead": self._drop,
                "line slow": self._delay,
                "half-closed": self._half_close,
                "server restarted": self._restart,
            }
        self._deck: list[str] = []
        self.done: Counter[str] = Counter()
        self.outages: list[tuple[int, int]] = []

    async def serve(self, span_s: float) -> None:
        """Make one trouble after another for a while, and each kind at least once."""
        ends_s = time.monotonic() + span_s
        while time.monotonic() < ends_s or len(self.done) < len(self._kinds):
            await asyncio.sleep(self._draw.uniform(*PAUSE_S))
            name = self._next()
            await self._kinds[name]()
            self.done[name] += 1
        await self._thawed()

    def _next(self) -> str:
        """Take a card; shuffle them all again when none is left."""
        if not self._deck:
            self._deck = [*self._kinds, *DEATHS]
            self._draw.shuffle(self._deck)
        return self._deck.pop()

    async def feel_the_machine(self) -> None:
        """Write down, until cancelled, when the machine had no time for us: nor for a heartbeat."""
        while True:
            began = _now()
            await asyncio.sleep(BREATH_S)
            if _now() - began > OUT_OF_BREATH_MS:
                self._outage(began)

    async def _thawed(self) -> None:
        """Wait until whoever is frozen goes on."""
        if self._frozen is not None:
            await self._frozen

    async def _kill(self) -> None:
        member = self._fleet.some()
        if member is not None:
            await self._fleet.kill(member)

    async def _freeze(self) -> None:
        """Freeze one long past its lease, one at a time."""
        await self._thawed()
        member = self._fleet.some()
        if member is not None:
            taken_over_s = (self._plan.lease_ms + self._plan.upkeep_ms) / 1000
            span_s = taken_over_s + self._draw.uniform(*LONGER_S)
            self._frozen = asyncio.create_task(self._fleet.freeze(member, span_s))

    async def _cut(self) -> None:
        self._proxy.cut()
        self._outage(_now())

    async def _drop(self) -> None:
        began = _now()
        await self._proxy.drop(self._draw.uniform(*CUT_OFF_S))
        self._outage(began)

    async def _delay(self) -> None:
        began = _now()
        await self._proxy.delay(self._draw.uniform(*LATE_S), self._draw.uniform(*CUT_OFF_S))
        self._outage(began)

    async def _half_close(self) -> None:
        began = _now()
        await self._proxy.half_close(self._draw.uniform(*CUT_OFF_S))
        self._outage(began)

    async def _restart(self) -> None:
        began = _now()
        await asyncio.to_thread(self._server.stop, at_once=True)
        await asyncio.to_thread(self._server.start)
        self._outage(began)

    def _outage(self, began_ms: int) -> None:
        """Write down an outage that ends about now; it may run into the one before."""
        last = self.outages[-1][1] if self.outages else 0
        self.outages.append((max(began_ms, last), _now() + RECOVERY_MS))


def _now() -> int:
    return right_ns() // 1_000_000
