"""Queues of several stores: a name means the queue of that name in each of them.

A verb goes to every store, and a limit holds in each. Where somebody has set one store apart, what
is shown is the tightest.
"""

from collections.abc import Sequence

from ductape.domain.limits.rate import Rate
from ductape.ports.stores.queues import QueueRecord
from ductape.stores.routed.places import Places


class RoutedQueues:
    """Where queues are looked at and held back."""

    def __init__(self, places: Places) -> None:
        """Ask every store."""
        self._places = places

    async def all(self, *, now_ms: int) -> list[QueueRecord]:
        """List them by name, with what waits and runs in all stores."""
        found = await self._places.from_all(lambda store: store.queues.all(now_ms=now_ms))
        by_name: dict[str, list[QueueRecord]] = {}
        for one in (queue for queues in found for queue in queues):
            by_name.setdefault(one.name, []).append(one)
        return [_joined(by_name[name]) for name in sorted(by_name)]

    async def pause(self, name: str, *, paused: bool) -> bool:
        """Let no worker claim from a queue, or let them again; tell whether that is new."""
        changed = await self._places.from_all(lambda s: s.queues.pause(name, paused=paused))
        return any(changed)

    async def set_concurrency(self, name: str, limit: int | None) -> None:
        """Limit how many runs of a queue run at a time in each store; none lifts the limit."""
        await self._places.from_all(lambda store: store.queues.set_concurrency(name, limit))

    async def set_rate(self, name: str, rate: Rate | None) -> None:
        """Limit how many runs of a queue start in a span in each store; none lifts the limit."""
        await self._places.from_all(lambda store: store.queues.set_rate(name, rate))


def _joined(same: Sequence[QueueRecord]) -> QueueRecord:
    limits = [one.concurrency for one in same if one.concurrency is not None]
    rates = [one.rate for one in same if one.rate is not None]
    due = [one.oldest_due_at_ms for one in same if one.oldest_due_at_ms is not None]
    return QueueRecord(
        name=same[0].name,
        paused=any(one.paused for one in same),
        concurrency=min(limits, default=None),
        rate=min(rates, key=lambda rate: rate.limit / rate.per_ms, default=None),
        scheduled=sum(one.scheduled for one in same),
        queued=sum(one.queued for one in same),
        running=sum(one.running for one in same),
        oldest_due_at_ms=min(due, default=None),
    )
