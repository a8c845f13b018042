"""One verb for every job that fits a filter, in bounded batches (SPEC 10).

Jobs are gone through newest first by keyset pages, so that a job that comes meanwhile is left for
the next call and none is met twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from ductape.domain.wire import BulkCount, JobVerb
from ductape.ports.stores import Store
from ductape.ports.stores.reading import JobFilter
from ductape.services.jobs.filtering import read_condition

BATCH = 200
AT_ONCE = 8
"""How many jobs are changed side by side: on PostgreSQL each waits for its own round trips."""

Verb = Callable[[str], Awaitable[JobVerb]]
"""Changes one job, named by its id."""


class Bulk:
    """Changes many jobs of one store."""

    def __init__(self, store: Store) -> None:
        """Find the jobs in a store."""
        self._store = store

    async def each(self, where: Mapping[str, object], verb: Verb) -> BulkCount:
        """Apply a verb to every job that fits; return how many it changed."""
        return await self._each(read_condition(where), verb)

    async def each_recurring(self, where: Mapping[str, object], verb: Verb) -> BulkCount:
        """Apply a verb to every recurring job that fits; return how many it changed."""
        fits = read_condition(where)
        if fits.recurring is False:
            return BulkCount(count=0)
        return await self._each(replace(fits, recurring=True), verb)

    async def _each(self, fits: JobFilter, verb: Verb) -> BulkCount:
        count, before = 0, None
        while page := await self._store.reading.many(fits, limit=BATCH, before=before):
            for some in batched([record.job_id for record in page]):
                count += await _changed(verb, some)
            before = page[-1].job_id
        return BulkCount(count=count)


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
