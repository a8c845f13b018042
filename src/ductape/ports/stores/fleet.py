"""Workers, their leases, and the handlers they announce."""

from typing import Protocol

from msgspec import Struct

from ductape.domain.job import Claim


class WorkerRecord(Struct, frozen=True):
    """One worker, as it announces itself."""

    id: str
    host: str
    pid: int
    queues: tuple[str, ...]
    handlers: tuple[str, ...]
    concurrency: int
    started_at_ms: int
    lease_until_ms: int = 0


class Pulse(Protocol):
    """The heartbeat's own way to the store, used by one thread."""

    def beat(self, worker: str, *, now_ms: int, lease_ms: int) -> bool:
        """Renew a lease; false where it has run out already (it stays run out)."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class Fleet(Protocol):
    """Who works."""

    async def register(self, worker: WorkerRecord, *, now_ms: int, lease_ms: int) -> None:
        """Announce a worker and its handlers."""
        ...

    def pulse(self) -> Pulse:
        """Open what renews a lease from a thread of its own."""
        ...

    async def leave(self, worker: str) -> None:
        """Take a worker off the list."""
        ...

    async def workers(self, *, now_ms: int) -> list[WorkerRecord]:
        """List the live ones."""
        ...

    async def known_handlers(self, tags: frozenset[str]) -> frozenset[str]:
        """Tell which of the tags some worker has announced, ever."""
        ...

    async def lost(self, *, now_ms: int, limit: int) -> list[Claim]:
        """List running runs whose worker's lease, or whose own deadline and grace, has passed."""
        ...
