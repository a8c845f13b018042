"""Asking what somebody else executes to stop, or to undo what it has done (SPEC 10, cancel)."""

from ductape.domain.job import Run, under_way
from ductape.ports.clock import Clock
from ductape.ports.stores import Store


class Stopping:
    """Stops runs that are in a worker's hands, or under way."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Ask through the store."""
        self._store = store
        self._clock = clock

    async def stops(self, run: Run, reason: str | None) -> bool:
        """Ask a run's worker to stop it; false where nobody runs it, or somebody has asked."""
        asked = await self._asked(run, reason)
        record = await self._store.reading.get(run.job_id) if asked else None
        live = None if record is None else record.live
        if live is not None and live.number == run.number and under_way(live):
            # Found out meanwhile: it was stored as what calls no features.
            await self.unwinds(live, reason)
        return asked

    async def is_asked(self, run: Run) -> bool:
        """Tell of a run that could not be asked whether somebody has: it runs all the while."""
        record = await self._store.reading.get(run.job_id)
        live = None if record is None else record.live
        return live is not None and _turn(live) == _turn(run)

    async def unwinds(self, run: Run, reason: str | None) -> bool:
        """Have a feature that has begun undo what it has done, and end; false if it does so."""
        now_ms = self._clock.now_ms()
        stops = await self._store.steps.stop(run.job_id, run.number, reason, now_ms=now_ms)
        if stops and not await self._asked(run, reason):
            self._store.wake.tell("work")
        return stops

    async def _asked(self, run: Run, reason: str | None) -> bool:
        asked = await self._store.claims.ask_cancel(run.job_id, run.number, reason=reason)
        if asked:
            self._store.wake.tell("control")
        return asked


def _turn(run: Run) -> tuple[int, int, str]:
    return run.number, run.fence, run.state
