"""One timer for all deadlines: it tells runs to stop, and cuts off those that do not.

One sweep over the runs in hand costs less than a timer for each (DESIGN 3).
"""

import asyncio
from collections.abc import Callable
from functools import partial

from ductape.ports.clock import Clock
from ductape.worker.attempt.held import Held, Why


class Sweeper:
    """Watches over the runs in a worker's hands."""

    def __init__(self, clock: Clock, grace_ms: int, cut_off: Callable[[Held], None]) -> None:
        """Call `cut_off` for a run that was told to stop and did not within `grace_ms`."""
        self._clock = clock
        self._grace_ms = grace_ms
        self._cut_off = cut_off
        self._watched: dict[Held, None] = {}
        self._earliest_ms: int | None = None
        self._rearmed = asyncio.Event()

    def watch(self, held: Held) -> None:
        """Keep an eye on a run."""
        self._watched[held] = None
        self._arm(held.deadline_ms)

    def forget(self, held: Held) -> None:
        """Look at a run no longer: it has ended."""
        self._watched.pop(held, None)

    def stop(self, held: Held, why: Why, *, reason: str | None = None) -> None:
        """Tell a run to stop, and see that it does; a cancelled one first ends its rollback."""
        if why == "cancel" and held.undoing:
            held.cancels_later = partial(self.stop, held, why, reason=reason)
            return
        grace_ms = self._grace_ms if why in ("timeout", "cancel") else 0
        held.stop(why, now_ms=self._clock.now_ms(), grace_ms=grace_ms, reason=reason)
        if held.cut_at_ms is not None:
            self._arm(held.cut_at_ms)

    async def serve(self) -> None:
        """Sweep at each deadline until cancelled."""
        while True:
            await self._until_earliest()
            self._sweep(self._clock.now_ms())

    def _sweep(self, now_ms: int) -> None:
        for held in list(self._watched):
            if held.cut_at_ms is not None and now_ms >= held.cut_at_ms:
                self._watched.pop(held, None)
                self._cut_off(held)
            elif held.why is None and now_ms >= held.deadline_ms:
                self.stop(held, "timeout")
        moments = (held.cut_at_ms or held.deadline_ms for held in self._watched)
        self._earliest_ms = min(moments, default=None)

    def _arm(self, at_ms: int) -> None:
        if self._earliest_ms is None or at_ms < self._earliest_ms:
            self._earliest_ms = at_ms
            self._rearmed.set()

    async def _until_earliest(self) -> None:
        while True:
            self._rearmed.clear()
            wait_ms = (
                None if self._earliest_ms is None else self._earliest_ms - self._clock.now_ms()
            )
            if wait_ms is not None and wait_ms <= 0:
                return
            try:
                async with asyncio.timeout(None if wait_ms is None else wait_ms / 1000):
                    await self._rearmed.wait()
            except TimeoutError:
                continue
