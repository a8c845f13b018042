"""Queues: paused or limited by a person, for every worker at once."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from msgspec import Struct

from ductape.domain.lifecycle import RunState
from ductape.domain.limits.queue import QueueLimits
from ductape.domain.limits.rate import Rate


class QueueRecord(Struct, frozen=True):
    """A queue that has runs, or that somebody has paused or limited."""

    name: str
    paused: bool = False
    concurrency: int | None = None
    """How many of its runs may run at a time, over all workers."""
    rate: Rate | None = None
    """How many may start in any span of a given length."""
    scheduled: int = 0
    queued: int = 0
    """Due and waiting: for a worker, a limit or a cache leader."""
    running: int = 0
    oldest_due_at_ms: int | None = None
    """Since when the oldest of those that are due has been waiting."""


class Queues(Protocol):
    """Where queues are looked at and held back."""

    async def all(self, *, now_ms: int) -> list[QueueRecord]:
        """List them by name, with what waits and runs; what is due by now is queued."""
        ...

    async def pause(self, name: str, *, paused: bool) -> bool:
        """Let no worker claim from a queue, or let them again; tell whether that is new."""
        ...

    async def set_concurrency(self, name: str, limit: int | None) -> None:
        """Limit how many runs of a queue run at a time; none lifts the limit."""
        ...

    async def set_rate(self, name: str, rate: Rate | None) -> None:
        """Limit how many runs of a queue start in a span; none lifts the limit."""
        ...


Count = tuple[str, RunState, int, int]
"""A queue, a state, how many of its runs are in it, and when the first of them was due."""


def summed(limited: Mapping[str, QueueLimits], counts: Iterable[Count]) -> list[QueueRecord]:
    """Join what is set for queues with what was counted in them, by name."""
    by_queue: dict[str, dict[RunState, tuple[int, int]]] = {name: {} for name in limited}
    for queue, state, count, due_at_ms in counts:
        by_queue.setdefault(queue, {})[state] = (count, due_at_ms)
    return [_record(name, limited.get(name), by_queue[name]) for name in sorted(by_queue)]


def _record(
    name: str, limits: QueueLimits | None, states: Mapping[RunState, tuple[int, int]]
) -> QueueRecord:
    due = [states[state] for state in ("queued", "parked", "blocked") if state in states]
    return QueueRecord(
        name=name,
        paused=limits is not None and limits.paused,
        concurrency=None if limits is None else limits.concurrency,
        rate=None if limits is None else limits.rate,
        scheduled=states.get("scheduled", (0, 0))[0],
        queued=sum(count for count, _ in due),
        running=states.get("running", (0, 0))[0],
        oldest_due_at_ms=min((at_ms for _, at_ms in due), default=None),
    )
