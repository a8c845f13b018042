"""Mending and pruning."""

from typing import Protocol

from ductape.domain.job import Schedule


class Upkeep(Protocol):
    """What any worker does now and then."""

    async def take_duty(self, duty: str, worker: str, *, now_ms: int, lease_ms: int) -> bool:
        """Take a duty for a while; false where somebody else has it."""
        ...

    async def orphans(self, *, limit: int) -> list[Schedule]:
        """List active recurrences without a live run and without a fault."""
        ...

    async def release_deserted(self, *, now_ms: int) -> int:
        """Release runs parked under a cache key that nobody leads; return how many keys."""
        ...

    async def prune(
        self, *, completed_before_ms: int, failed_before_ms: int, now_ms: int, limit: int
    ) -> int:
        """Delete old history, ended jobs' keys, stale cache entries; return how many rows."""
        ...
