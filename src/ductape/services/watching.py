"""Following one job until it is over (SPEC 10).

Hints tell when to look again; what no hint tells (a run that began, progress) is seen by a look
once a second.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection

from ductape.domain.lifecycle import JobStatus
from ductape.domain.record import JobRecord
from ductape.domain.wire import JobView
from ductape.errors import NotFound
from ductape.ports.stores import Store
from ductape.ports.wake import Hint
from ductape.services.filtering import read_word

LOOK_EVERY_S = 1.0

OVER: frozenset[JobStatus] = frozenset({"completed", "failed", "cancelled"})
"""Of a one-off job, and of a recurring one whose recurrence has ended."""


class Watching:
    """Follows the jobs of one store."""

    def __init__(self, store: Store, view: Callable[[JobRecord], JobView]) -> None:
        """Look into a store; `view` shows a job."""
        self._store = store
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
        try:
            while shown is None or shown["status"] not in OVER:
                hinted.clear()
                view = await self._view(job_id)
                if view != shown:
                    yield view
                    shown = view
                    continue
                await _heard(hinted)
        finally:
            leave()

    async def _view(self, job_id: str) -> JobView:
        record = await self._store.reading.get(read_word(job_id, "id"))
        if record is None:
            raise NotFound(f"there is no job {job_id}", path="job_id", job_id=job_id)
        return self._shown(record)


async def _heard(hinted: asyncio.Event) -> None:
    """Return at the next hint, or after a second without one."""
    try:
        async with asyncio.timeout(LOOK_EVERY_S):
            await hinted.wait()
    except TimeoutError:
        return
