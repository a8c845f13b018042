"""`ductape.queues`: looking at queues and holding them back, for every worker at once (SPEC 10).

A verb takes effect with the next claim of every worker: what runs already is let end.
"""

from typing import TypedDict

from ductape.domain.limits.rate import Rate
from ductape.domain.parsing.scalars import SPAN_MAX_MS, integer, name
from ductape.errors import Fault, ValidationError
from ductape.ports.clock import Clock
from ductape.ports.stores.queues import QueueRecord, Queues
from ductape.ports.wake import Wake
from ductape.services.after_change import answering

LIMIT_MAX = 1_000_000


class RateView(TypedDict):
    """So many starts in any span of so long."""

    limit: int
    per: int
    """Milliseconds."""


class QueueView(TypedDict):
    """One queue; instants are epoch milliseconds."""

    name: str
    paused: bool
    concurrency: int | None
    """How many of its runs may run at a time, over all workers; null for any number."""
    rate: RateView | None
    scheduled: int
    """Due later."""
    queued: int
    """Due and waiting."""
    running: int
    oldest_due_at: int | None
    """Since when the oldest of those that are due has been waiting."""


class QueueService:
    """The queues of one store."""

    def __init__(self, queues: Queues, wake: Wake, clock: Clock) -> None:
        """Work on a store's queues."""
        self._queues = queues
        self._clock = clock
        self._wake = wake

    async def list(self) -> list[QueueView]:
        """List by name those that have runs, or that somebody has paused or limited."""
        return [_view(one) for one in await self._queues.all(now_ms=self._clock.now_ms())]

    async def pause(self, name: str) -> QueueView:
        """Let no worker claim from a queue; jobs are still accepted."""
        await self._queues.pause(_named(name), paused=True)
        return await self._one(name)

    async def resume(self, name: str) -> QueueView:
        """Let workers claim from a queue again."""
        await self._queues.pause(_named(name), paused=False)
        self._wake.tell("work")
        return await self._one(name)

    async def set_concurrency(self, name: str, limit: int | None) -> QueueView:
        """Let so many of a queue's runs run at a time, over all workers; none lifts the limit."""
        faults: list[Fault] = []
        if limit is not None:
            integer(1, LIMIT_MAX)(limit, "limit", faults)
        _refuse(faults)
        await self._queues.set_concurrency(_named(name), limit)
        self._wake.tell("work")
        return await self._one(name)

    async def set_rate(self, name: str, limit: int | None, per: int = 1_000) -> QueueView:
        """Let so many of a queue's runs start in any `per` milliseconds; none lifts the limit."""
        faults: list[Fault] = []
        if limit is not None:
            integer(1, LIMIT_MAX)(limit, "limit", faults)
            integer(1, SPAN_MAX_MS, " of milliseconds")(per, "per", faults)
        _refuse(faults)
        await self._queues.set_rate(_named(name), None if limit is None else Rate(limit, per))
        self._wake.tell("work")
        return await self._one(name)

    async def _one(self, name: str) -> QueueView:
        """Show a queue that was changed."""
        with answering(f"queue `{name}`"):
            records = await self._queues.all(now_ms=self._clock.now_ms())
        found = {one.name: one for one in records}
        return _view(found.get(name, QueueRecord(name)))


def _named(queue: object) -> str:
    faults: list[Fault] = []
    read = name(queue, "name", faults)
    _refuse(faults)
    return read


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise ValidationError(faults)


def _view(queue: QueueRecord) -> QueueView:
    rate = queue.rate
    return QueueView(
        name=queue.name,
        paused=queue.paused,
        concurrency=queue.concurrency,
        rate=None if rate is None else RateView(limit=rate.limit, per=rate.per_ms),
        scheduled=queue.scheduled,
        queued=queue.queued,
        running=queue.running,
        oldest_due_at=queue.oldest_due_at_ms,
    )
