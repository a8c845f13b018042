"""One verb for every job that fits a filter, in bounded batches (SPEC 10).

Jobs are gone through newest first by keyset pages, so that a job that comes meanwhile is left for
the next call and none is met twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial

import msgspec

from ductape.domain.lifecycle import JobStatus
from ductape.domain.parsing.reading import Reader, Shape, open_form
from ductape.domain.parsing.scalars import choice, flag, integer, name
from ductape.domain.wire import BulkCount, JobVerb
from ductape.errors import Fault, ValidationError, fault
from ductape.ports.stores import Store
from ductape.ports.stores.reading import JobFilter

BATCH = 200
AT_ONCE = 8
"""How many jobs are changed side by side: on PostgreSQL each waits for its own round trips."""

Verb = Callable[[str], Awaitable[JobVerb]]
"""Changes one job, named by its id."""

_TEXTS = ("kind", "product", "env", "event", "queue", "session_tag", "session_user", "q")
_SHAPE = Shape(frozenset({*_TEXTS, "status", "recurring", "metadata", "from_", "to"}))
_STATUSES: tuple[JobStatus, ...] = (
    "scheduled",
    "queued",
    "running",
    "completed",
    "failed",
    "cancelled",
    "paused",
)
_STATUS: Reader[JobStatus] = choice(_STATUSES)
_INSTANT = integer(0, 2**53, " of epoch milliseconds")


class Bulk:
    """Changes many jobs of one store."""

    def __init__(self, store: Store) -> None:
        """Find the jobs in a store."""
        self._store = store

    async def each(self, where: Mapping[str, object], verb: Verb) -> BulkCount:
        """Apply a verb to every job that fits; return how many it changed."""
        fits = read_filter(where)
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


def read_filter(where: Mapping[str, object]) -> JobFilter:
    """Read the filter of a bulk verb, in the names of `jobs.list`.

    Raises `ValidationError`, also for a filter that every job fits.
    """
    faults: list[Fault] = []
    form = open_form(where, "filter", _SHAPE, faults)
    if form is None or not any(form.has(key) for key in _SHAPE.known):
        faults.append(fault("filter", "at least one condition", "none"))
    if form is None or faults:
        raise ValidationError(faults)
    text = partial(form.take, read=name, default=None)
    found = JobFilter(
        status=form.take("status", _STATUS, None),
        recurring=form.take("recurring", flag, None),
        metadata=form.take("metadata", _labels, None),
        from_ms=form.take("from_", _INSTANT, None),
        to_ms=form.take("to", _INSTANT, None),
        kind=text("kind"),
        product=text("product"),
        env=text("env"),
        event=text("event"),
        queue=text("queue"),
        session_tag=text("session_tag"),
        session_user=text("session_user"),
        q=text("q"),
    )
    if faults:
        raise ValidationError(faults)
    return found


def _labels(value: object, path: str, faults: list[Fault]) -> dict[str, str]:
    try:
        return msgspec.convert(value, dict[str, str])
    except msgspec.ValidationError as error:
        faults.append(fault(path, "an object of texts", f"an error: {error}"))
        return {}
