"""The lane: one turn after the other settles what ended and claims what may start.

A turn is one transaction. While it is under way outcomes gather; the next turn takes them all, so
that high load gets batches and low load keeps its latency (DESIGN 3). Idle, the lane sleeps until a
hint, the earliest due instant, or the safety net's look.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ductape.domain.change import CacheEntry, Settlement
from ductape.domain.job import Claim
from ductape.domain.outcome import Outcome
from ductape.domain.settlement import with_cache
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.ports.stores.claims import Turn, Wish
from ductape.services.settling import Settler

LONGEST_SLEEP_MS = 30_000
PAUSE_AFTER_FAULT_S = 1.0

log = logging.getLogger("ductape.worker")


@dataclass(frozen=True, slots=True)
class Ended:
    """A run whose outcome waits to be settled."""

    claim: Claim
    outcome: Outcome
    entry: CacheEntry | None


class Lane:
    """Takes turns with the store for one worker."""

    def __init__(
        self,
        store: Store,
        settler: Settler,
        clock: Clock,
        wish: Callable[[], Wish],
        start: Callable[[Claim], object],
    ) -> None:
        """Ask `wish` what may be claimed, hand each claim to `start`."""
        self._store = store
        self._settler = settler
        self._clock = clock
        self._wish = wish
        self._start = start
        self._outbox: list[Ended] = []
        self._needed = asyncio.Event()
        self._next_due_ms: int | None = None
        self._fault: str | None = None
        self._closing = False
        self.idle = asyncio.Event()
        self.lease_lost: Callable[[], None] = lambda: None

    def put(self, ended: Ended) -> None:
        """Hand in an outcome for the next turn."""
        self._outbox.append(ended)
        self._needed.set()

    def nudge(self) -> None:
        """Take a turn soon: there may be something to claim."""
        self._needed.set()

    def close(self) -> None:
        """Settle what is left, then stop."""
        self._closing = True
        self._needed.set()

    async def serve(self) -> None:
        """Take turns until closed and empty."""
        while not self._closing or self._outbox:
            await self._until_needed()
            await self._take_turn()

    async def _take_turn(self) -> None:
        """Settle what waits and claim what fits."""
        ended, self._outbox = self._outbox, []
        try:
            turn = await self._turn(ended)
        except Exception as error:  # noqa: BLE001 (a turn of a background loop)
            # On closing the runs are left to a take-over: their fences still hold.
            self._outbox = [] if self._closing else ended + self._outbox
            await self._rest(error)
            return
        self._fault = None
        if any(answer == "stale" for answer in turn.answers):
            await self._again(ended, turn)
        if turn.answers:
            self._store.wake.tell("settled")
        self._next_due_ms = turn.next_due_ms
        for claim in turn.claims:
            self._start(claim)
        if turn.claims and self._wish().slots > 0:
            self._needed.set()
        if not turn.leased:
            self.lease_lost()

    async def _turn(self, ended: Sequence[Ended]) -> Turn:
        now_ms = self._clock.now_ms()
        settlements = [self._settlement(one, now_ms) for one in ended]
        return await self._store.claims.turn(self._wish(), settlements, now_ms=now_ms)

    def _settlement(self, one: Ended, now_ms: int) -> Settlement:
        return with_cache(self._settler.decide(one.claim, one.outcome, now_ms), one.entry)

    async def _again(self, ended: Sequence[Ended], turn: Turn) -> None:
        """Compute those again whose recurrence changed since they were claimed."""
        for one, answer in zip(ended, turn.answers, strict=True):
            if answer == "stale":
                fresh = await self._settler.refreshed(one.claim)
                self.put(Ended(fresh, one.outcome, one.entry))

    async def _until_needed(self) -> None:
        if self._outbox:
            self._needed.clear()
            return
        self.idle.set()
        try:
            async with asyncio.timeout(self._sleep_s()):
                await self._needed.wait()
        except TimeoutError:
            pass
        self.idle.clear()
        self._needed.clear()

    def _sleep_s(self) -> float:
        """Return how long nothing is due; the clock is read again on waking, never early."""
        if self._next_due_ms is None:
            return LONGEST_SLEEP_MS / 1000
        wait_ms = self._next_due_ms - self._clock.now_ms()
        return min(max(wait_ms, 0), LONGEST_SLEEP_MS) / 1000

    async def _rest(self, error: Exception) -> None:
        """Say once what is wrong with the store, and try again in a while."""
        said = f"{type(error).__name__}: {error}"
        if said != self._fault:
            log.error("turn failed: %s", said)
            self._fault = said
        self._needed.set()
        if not self._closing:
            await asyncio.sleep(PAUSE_AFTER_FAULT_S)
