"""One verb for every job that fits a filter, in bounded batches (SPEC 10).

Jobs are gone through newest first by keyset pages, so that a job that comes meanwhile is left for
the next call and none is met twice.
"""

from collections.abc import Awaitable, Callable, Mapping
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
            for record in page:
                count += (await verb(record.job_id))["changed"]
            before = page[-1].job_id
        return BulkCount(count=count)


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
