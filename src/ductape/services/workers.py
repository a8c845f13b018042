"""`ductape.workers`: who works on this store (SPEC 10)."""

from typing import TypedDict

from ductape.ports.clock import Clock
from ductape.ports.stores.fleet import Fleet, WorkerRecord


class WorkerView(TypedDict):
    """One live worker; instants are epoch milliseconds."""

    id: str
    host: str
    pid: int
    queues: list[str]
    """Empty: every queue."""
    handlers: list[str]
    """What it can do, as `job:tag`."""
    concurrency: int
    started_at: int
    lease_until: int
    """Others take its runs over if it gives no sign of life until then."""


class Workers:
    """The workers of one store."""

    def __init__(self, fleet: Fleet, clock: Clock) -> None:
        """Look at a store's fleet."""
        self._fleet = fleet
        self._clock = clock

    async def list(self) -> list[WorkerView]:
        """List the live ones, longest at work first."""
        found = await self._fleet.workers(now_ms=self._clock.now_ms())
        return [_view(one) for one in sorted(found, key=lambda one: (one.started_at_ms, one.id))]


def _view(worker: WorkerRecord) -> WorkerView:
    return WorkerView(
        id=worker.id,
        host=worker.host,
        pid=worker.pid,
        queues=[*worker.queues],
        handlers=[*worker.handlers],
        concurrency=worker.concurrency,
        started_at=worker.started_at_ms,
        lease_until=worker.lease_until_ms,
    )
