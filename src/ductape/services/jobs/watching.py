"""Following one job until it is over (SPEC 10).

Hints tell when to look again; what no hint tells (a run that began, progress) is seen by looks:
soon after a change, more and more seldom while nothing changes. An outage of the store is
outlasted.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection

from ductape.domain.lifecycle import JobStatus
from ductape.domain.record import JobRecord
from ductape.domain.wire import JobView
from ductape.ports.stores import Store
from ductape.ports.wake import Hint
from ductape.services.jobs.finding import found_job
from ductape.services.jobs.outlasting import Outlasting

SOONEST_LOOK_S = 0.05
LATEST_LOOK_S = 1.0
QUIET_SHARE = 0.1
"""A look follows after so much of the time for which nothing has changed."""

OVER: frozenset[JobStatus] = frozenset({"completed", "failed", "cancelled"})
"""Of a one-off job, and of a recurring one whose recurrence has ended."""


class Watching:
    """Follows the jobs of one store."""

    def __init__(
        self, store: Store, view: Callable[[JobRecord], JobView], outlasting: Outlasting
    ) -> None:
        """Look into a store; `view` shows a job."""
        self._store = store
        self._outlasting = outlasting
        self._shown = view

    async def changes(self, job_id: str) -> AsyncGenerator[JobView]:
        """Yield the job now and after each change, the last time when it is over.

        Raises `NotFound`.
        """
        hinted = asyncio.Event()

        def on_hint(_: Hint, jobs: Collection[str]) -> None:
            if not jobs or job_id in jobs:
                hinted.set()

        leave = self._store.wake.listen(on_hint)
        shown: JobView | None = None
        now_s = asyncio.get_running_loop().time
        changed_s = now_s()
        try:
            while shown is None or shown["status"] not in OVER:
                hinted.clear()
                view = await self._view(job_id)
                if view != shown:
                    yield view
                    shown, changed_s = view, now_s()
                    continue
                await _heard(hinted, (now_s() - changed_s) * QUIET_SHARE)
        finally:
            leave()

    async def _view(self, job_id: str) -> JobView:
        found = await self._outlasting.answer(lambda: found_job(self._store, job_id))
        return self._shown(found)


async def _heard(hinted: asyncio.Event, patience_s: float) -> None:
    """Return at the next hint, or after a while without one."""
    try:
        async with asyncio.timeout(min(max(patience_s, SOONEST_LOOK_S), LATEST_LOOK_S)):
            await hinted.wait()
    except TimeoutError:
        return
