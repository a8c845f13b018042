"""Which live jobs a changed product would leave without what they name (SPEC 8)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypedDict

from ductape.domain.job import JobSpec
from ductape.domain.lifecycle import JobStatus
from ductape.domain.product import (
    Choice,
    Product,
    Question,
    TopicChoice,
    choose,
    handler_tags,
    reachable,
    resolve,
)
from ductape.domain.record import JobRecord
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.errors import NotFound, ValidationError
from ductape.ports.stores.reading import JobFilter, Reading

KnownHandlers = Callable[[frozenset[str]], Awaitable[frozenset[str]]]

MOST_LISTED = 100
"""No reader gains by more."""

OWNERS = ("healthcheck", "schedule")
"""What makes and ends jobs with the product itself: in their keys, and a name of their metadata."""

_PAGE = 1_000
_LIVE: tuple[JobStatus, ...] = ("scheduled", "queued", "running", "paused")


class StrandedJob(TypedDict):
    """A live job that the new document has nothing for."""

    job_id: str
    env: str
    event: str
    reason: str


class Stranding:
    """Compares live jobs with a product that is about to be applied."""

    def __init__(self, reading: Reading, known_handlers: KnownHandlers) -> None:
        self._reading = reading
        self._known_handlers = known_handlers

    async def by_change(self, before: Product, after: Product) -> list[StrandedJob]:
        """List the jobs that the change would strand, newest first, at most `MOST_LISTED`."""
        if reachable(before) == reachable(after):
            return []
        found: list[StrandedJob] = []
        async for record in self._live(after.tag):
            spec = record.spec
            if _owned(spec):
                continue
            reason = await self._reason(after, spec)
            if reason is not None:
                found.append(
                    StrandedJob(job_id=record.job_id, env=spec.env, event=spec.event, reason=reason)
                )
            if len(found) == MOST_LISTED:
                break
        return found

    async def _live(self, product: str) -> AsyncIterator[JobRecord]:
        for status in _LIVE:
            where, before = JobFilter(product=product, status=status), None
            while page := await self._reading.many(where, limit=_PAGE, before=before):
                for record in page:
                    yield record
                before = page[-1].job_id

    async def _reason(self, product: Product, spec: JobSpec) -> str | None:
        known = await self._known_handlers(handler_tags(spec.event))
        try:
            target = target_now(product, spec, known)
        except (NotFound, ValidationError) as error:
            return error.message
        if target.kind is not spec.kind:
            return f"`{spec.event}` would be of kind {target.kind}, the job is of kind {spec.kind}"
        return None


def target_now(product: Product, spec: JobSpec, known: frozenset[str]) -> Target:
    """Find what a job's event names in a product; raises `NotFound` or `ValidationError`."""
    answer = resolve(product, Question(spec.env, spec.event, spec.app), known)
    if isinstance(answer, TopicChoice):
        return answer.publish if spec.kind is JobEventTypes.PUBLISH else answer.subscribe
    return choose(answer, spec.input) if isinstance(answer, Choice) else answer


def _owned(spec: JobSpec) -> bool:
    key = spec.key or ""
    return any(key.startswith(f"{one}:") and one in spec.metadata for one in OWNERS)
