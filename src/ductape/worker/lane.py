"""The lane: one turn after the other settles what ended and claims what may start.

A turn is one transaction. While it is under way outcomes gather; the next turn takes them all, so
that high load gets batches and low load keeps its latency (DESIGN 3). Where the store can take
several turns at once, a further one begins as soon as enough has gathered for it. Idle, the lane
sleeps until a hint, a moment before the earliest due instant, or the safety net's look.

A turn that fails may have been committed all the same: what it has claimed is asked for (`doubts`).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain

from msgspec.structs import replace

from ductape.domain.change import RunRef, Settlement
from ductape.domain.job import Claim
from ductape.domain.outcome import Interrupted
from ductape.domain.schema import is_outlived
from ductape.domain.settlement import run_ref, with_cache
from ductape.errors import StoreError
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.ports.stores.claims import Turn, Wish
from ductape.services.settling import Settler, tell_settled
from ductape.worker.doubts import Doubts
from ductape.worker.heartbeat import LeaseLost
from ductape.worker.turns import Asked, Ended, is_late, patience_s

AHEAD_MS = 30
"""How long before its instant a run is claimed: what the claim takes must not make it late."""
LOOK_EVERY_MS = 30_000
"""How often an idle lane takes a turn although nobody asked."""
CLOCK_EVERY_MS = 1_000
"""How often an idle lane reads the clock: a jump of it must not make a run late."""
PAUSE_AFTER_FAULT_S = 1.0
BUSY_S = 0.01
"""How soon an idle lane looks again at what another worker had in hand."""
ENOUGH = 50
"""How many outcomes are worth a further turn while another is under way."""
NEAR_MS = 10
"""How far ahead of the clock the instants of turns may be, to be apart from one another."""

log = logging.getLogger("ductape.worker")


class Lane:
    """Takes turns with the store for one worker."""

    def __init__(
        self,
        store: Store,
        settler: Settler,
        clock: Clock,
        wish: Callable[[], Wish],
        start: Callable[[Claim], object],
        holds: Callable[[RunRef], bool],
        *,
        slots: int,
    ) -> None:
        """Ask `wish` what may be claimed, hand each claim to `start`; `holds`: it was begun.

        `slots` are all that the worker has.
        """
        self._store = store
        self._settler = settler
        self._clock = clock
        self._wish = wish
        self._start = start
        self._holds = holds
        self._most = -(-slots // store.claims.lanes)
        """How many runs a turn settles and claims: one lane's, while the other's execute."""
        self._outbox: list[Ended] = []
        self._under_way: list[Asked] = []
        self.doubts = Doubts(store.claims, clock)
        self._at_ms = 0
        """The instant of the latest turn."""
        self._gathering = False
        """Whether a turn is about to begin."""
        self._still = asyncio.Event()
        self._still.set()
        self._needed = asyncio.Event()
        self._nudged = False
        """Whether somebody nudged while a turn was under way."""
        self._next_turn_ms: int | None = None
        self._fault: str | None = None
        self._closing = False
        self.lease_lost: LeaseLost = lambda _: None

    def put(self, ended: Ended) -> None:
        """Hand in an outcome for the next turn."""
        self._outbox.append(ended)
        if not self._gathering and (not self._under_way or len(self._outbox) >= ENOUGH):
            self._needed.set()

    def nudge(self) -> None:
        """Take a turn soon: there may be something to claim."""
        if self._under_way:
            self._nudged = True
        else:
            self._needed.set()

    def ask_along(self) -> bool:
        """Take a turn right behind what is about to be stored, if idle and free; tell whether."""
        idle = not (self._under_way or self._gathering or self._outbox or self._closing)
        if not idle or self.doubts or self._wish().slots == 0:
            return False
        self._needed.set()
        return True

    def close(self) -> None:
        """Settle what is left, then stop."""
        self._closing = True
        self._needed.set()

    async def landed(self) -> None:
        """Wait until no turn is under way: what it claims is begun."""
        await self._still.wait()

    async def serve(self) -> None:
        """Take turns until closed and empty, as many at once as the store can take."""
        lanes = range(self._store.claims.lanes)
        await asyncio.gather(*(self._serve_one() for _ in lanes))

    async def _serve_one(self) -> None:
        while not self._closing or self._outbox:
            await self._until_needed()
            if self.doubts:
                await self._find_claims()
            await self._gather()
            await self._take_turn()

    async def _take_turn(self) -> None:
        """Settle what waits and claim what fits."""
        asked = self._ask()
        settlements = [self._settlement(one, asked.at_ms) for one in asked.ended]
        self._under_way.append(asked)
        self._still.clear()
        try:
            async with asyncio.timeout(patience_s(asked.wish)):
                turn = await self._store.claims.turn(asked.wish, settlements, now_ms=asked.at_ms)
        except Exception as error:  # noqa: BLE001 (a turn of a background loop)
            self._failed(asked)
            await self._rest(error)
            return
        finally:
            self._landed(asked)
        self._fault = None
        self._next_turn_ms = turn.next_turn_ms
        self._begin_all(turn.claims)
        if turn.claims:
            await asyncio.sleep(0)  # a further turn can wait until they have begun
        if settlements:
            tell_settled(self._store, settlements)
            await self._again(asked.ended, turn)
        self._look_further(turn, asked.wish)

    def _ask(self) -> Asked:
        """Take what waits to be settled, and what the turns under way have not asked for."""
        ended, self._outbox = self._outbox[: self._most], self._outbox[self._most :]
        self._gathering = False
        if len(self._outbox) >= ENOUGH:
            self._needed.set()
        self._at_ms = self._instant_of_its_own()
        wish = self._wish()
        suspect = wish.suspect and not any(one.wish.suspect for one in self._under_way)
        wish = replace(wish, slots=self._slots_left(wish), suspect=suspect)
        return Asked(self._at_ms, wish, ended)

    def _slots_left(self, wish: Wish) -> int:
        """Return how many runs a turn may claim, beside what those under way may."""
        taken = sum(one.wish.slots for one in self._under_way)
        return min(max(wish.slots - taken, 0), self._most)

    def _instant_of_its_own(self) -> int:
        """Return now, or the moment after the latest turn's; a clock set back is followed."""
        now_ms = self._clock.now_ms()
        return self._at_ms + 1 if 0 <= self._at_ms - now_ms < NEAR_MS else now_ms

    def _failed(self, asked: Asked) -> None:
        """Keep what was to be settled for another turn, and what was to be claimed in mind.

        On closing the runs are left to a take-over: their fences still hold.
        """
        if self._closing:
            self._outbox = []
            return
        self._outbox = [*asked.ended, *self._outbox]
        if asked.wish.slots > 0:
            self.doubts.add(asked.wish.worker, asked.at_ms)

    def _landed(self, asked: Asked) -> None:
        self._under_way.remove(asked)
        if not self._under_way:
            self._still.set()
        if self._nudged:
            self._nudged = False
            self._needed.set()

    async def _find_claims(self) -> None:
        """Begin what a failed turn has claimed."""
        wish = self._wish()
        try:
            async with asyncio.timeout(patience_s(wish)):
                claims = await self.doubts.claims(wish.worker)
        except (StoreError, TimeoutError) as error:
            await self._rest(error)
            return
        self._begin_all([one for one in claims if not self._is_known(run_ref(one.run))])
        if self.doubts:
            asyncio.get_running_loop().call_later(PAUSE_AFTER_FAULT_S, self.nudge)

    def _begin_all(self, claims: Sequence[Claim]) -> None:
        """Begin runs, or give back where much of their time went by before we heard of them."""
        now_ms = self._clock.now_ms()
        for claim in claims:
            if is_late(claim.run, now_ms):
                self.put(Ended(claim, Interrupted(begun=False), None))
            else:
                self._start(claim)

    def _is_known(self, run: RunRef) -> bool:
        """Tell whether a run was begun: it noted something at the very instant of the turn."""
        ended = chain(self._outbox, *(one.ended for one in self._under_way))
        return self._holds(run) or any(run_ref(one.claim.run) == run for one in ended)

    def _look_further(self, turn: Turn, wish: Wish) -> None:
        """See to what a turn could not do itself."""
        if turn.more and self._slots_left(self._wish()) > 0:
            self._needed.set()
        if turn.busy:
            asyncio.get_running_loop().call_later(BUSY_S, self.nudge)
        if turn.crowded:
            self._store.wake.tell("work")
        if not turn.leased:
            self.lease_lost(wish.worker)

    def _settlement(self, one: Ended, now_ms: int) -> Settlement:
        return with_cache(self._settler.decide(one.claim, one.outcome, now_ms), one.entry)

    async def _again(self, ended: Sequence[Ended], turn: Turn) -> None:
        """Compute those again whose recurrence changed since they were claimed."""
        for one, answer in zip(ended, turn.answers, strict=True):
            if answer != "stale":
                continue
            try:
                async with asyncio.timeout(patience_s(self._wish())):
                    claim = await self._settler.refreshed(one.claim)
            except (StoreError, TimeoutError) as error:
                await self._rest(error)
                self._outbox += [] if self._closing else [one]
            else:
                self.put(Ended(claim, one.outcome, one.entry))

    async def _until_needed(self) -> None:
        """Sleep until something waits to be settled, a hint, a due instant, or the next look."""
        look_at_ms = self._clock.now_ms() + LOOK_EVERY_MS
        while not self._closing and not self._needed.is_set():
            if self._outbox and not self._under_way and not self._gathering:
                break
            now_ms = self._clock.now_ms()
            look_at_ms = min(look_at_ms, now_ms + LOOK_EVERY_MS)  # the clock may be set back
            wait_ms = min(look_at_ms, self._next_turn_ms or look_at_ms) - now_ms
            if wait_ms <= 0 and not self._under_way:
                break
            await self._doze(CLOCK_EVERY_MS if wait_ms <= 0 else min(wait_ms, CLOCK_EVERY_MS))
        self._needed.clear()

    async def _gather(self) -> None:
        """Let runs that are about to end do so first: one large turn costs less than two small.

        Beside a busy event loop the store's thread waits for Python's lock at every statement.
        """
        self._gathering = True
        seen = 0
        while len(self._outbox) > seen:
            seen = len(self._outbox)
            await asyncio.sleep(0)

    async def _doze(self, longest_ms: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_ms / 1000):
                await self._needed.wait()

    async def _rest(self, error: Exception) -> None:
        """Say once what is wrong with the store, and try again in a while."""
        if is_outlived(error):
            self.lease_lost(self._wish().worker)
        silent = isinstance(error, TimeoutError)
        said = "the store does not answer" if silent else f"{type(error).__name__}: {error}"
        if said != self._fault:
            log.error("turn failed: %s", said)
            self._fault = said
        self._needed.set()
        if not self._closing:
            await asyncio.sleep(PAUSE_AFTER_FAULT_S)
