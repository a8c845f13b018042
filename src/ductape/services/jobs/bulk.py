"""One verb for every job that fits a filter, in bounded batches (SPEC 10).

Jobs are gone through newest first by keyset pages, so that a job that comes meanwhile is left for
the next call and none is met twice. The jobs of a page are changed in one transaction; those that
this cannot do, or that have changed since they were read, one by one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.change import Settlement
from ductape.domain.job import under_way
from ductape.domain.operations import cancel, pause, resume, retry
from ductape.domain.record import JobRecord
from ductape.domain.time.zone import ZoneLookup
from ductape.domain.wire import BulkCount, JobVerb
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.ports.stores.reading import JobFilter
from ductape.services.jobs.filtering import read_condition
from ductape.services.settling import Plan, Settler

BATCH = 200
AT_ONCE = 8
"""How many jobs are changed side by side: on PostgreSQL each waits for its own round trips."""

Verb = Callable[[str], Awaitable[JobVerb]]
"""Changes one job, named by its id."""


class _Change(Struct, frozen=True):
    """What is to become of each job."""

    verb: Verb
    plan: Plan
    """What the verb plans for a job that it has but to be planned for."""
    alone: Callable[[JobRecord], bool] = lambda _: False
    """Tells of which job there is more to do."""


class Bulk:
    """Changes many jobs of one store."""

    def __init__(self, store: Store, settler: Settler, clock: Clock, zones: ZoneLookup) -> None:
        """Find the jobs in a store, and change them by `settler`."""
        self._store = store
        self._clock = clock
        self._settler = settler
        self._zones = zones

    async def cancel(
        self, where: Mapping[str, object], reason: str | None, verb: Verb
    ) -> BulkCount:
        """Cancel every job that fits, by `verb` where it runs; return how many were."""

        def plan(record: JobRecord, now_ms: int) -> Settlement | None:
            return cancel(record, reason, run_only=False, now_ms=now_ms, zones=self._zones)

        return await self._each(self._fitting(where), _Change(verb, plan, _is_running))

    async def retry(self, where: Mapping[str, object], verb: Verb) -> BulkCount:
        """Open a new run of every job that fits, by `verb` where it recurs; return how many."""

        def plan(record: JobRecord, now_ms: int) -> Settlement | None:
            return retry(record, delay_ms=0, now_ms=now_ms, zones=self._zones)

        return await self._each(self._fitting(where), _Change(verb, plan, _recurs))

    async def pause(self, where: Mapping[str, object], verb: Verb) -> BulkCount:
        """Pause every recurring job that fits; return how many were."""

        def plan(record: JobRecord, now_ms: int) -> Settlement | None:
            return pause(record, now_ms=now_ms, zones=self._zones)

        return await self._each_recurring(where, _Change(verb, plan))

    async def resume(self, where: Mapping[str, object], verb: Verb) -> BulkCount:
        """Resume every recurring job that fits; return how many were."""

        def plan(record: JobRecord, now_ms: int) -> Settlement | None:
            return resume(record, now_ms=now_ms, zones=self._zones)

        return await self._each_recurring(where, _Change(verb, plan))

    async def _each_recurring(self, where: Mapping[str, object], change: _Change) -> BulkCount:
        fits = self._fitting(where)
        if fits.recurring is False:
            return BulkCount(count=0)
        return await self._each(replace(fits, recurring=True), change)

    def _fitting(self, where: Mapping[str, object]) -> JobFilter:
        return read_condition(where, now_ms=self._clock.now_ms())

    async def _each(self, fits: JobFilter, change: _Change) -> BulkCount:
        count, before = 0, None
        while page := await self._store.reading.many(fits, limit=BATCH, before=before):
            count += await self._change_all(page, change)
            before = page[-1].job_id
        return BulkCount(count=count)

    async def _change_all(self, page: Sequence[JobRecord], change: _Change) -> int:
        left = [record.job_id for record in page if change.alone(record)]
        together = [record for record in page if record.job_id not in left]
        done = await self._settler.carry_out_all(together, change.plan)
        left += [job_id for job_id, changed in done.items() if not changed]
        count = sum(done.values())
        for some in batched(left):
            count += await _changed(change.verb, some)
        return count


def _is_running(record: JobRecord) -> bool:
    """Tell whether there is a run to be stopped too."""
    return record.live is not None and (record.live.state == "running" or under_way(record.live))


def _recurs(record: JobRecord) -> bool:
    """Tell whether a new run is one more occurrence, which this program is to know of."""
    return record.schedule is not None


def batched(jobs: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a page into what is changed side by side.

    >>> [len(some) for some in batched(["job"] * 20)]
    [8, 8, 4]
    """
    return (jobs[at : at + AT_ONCE] for at in range(0, len(jobs), AT_ONCE))


async def _changed(verb: Verb, jobs: Sequence[str]) -> int:
    """Return how many of some jobs a verb changed; all have ended when one's error is raised."""
    answers = await asyncio.gather(*(verb(job) for job in jobs), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return sum(answer["changed"] for answer in answers if not isinstance(answer, BaseException))
