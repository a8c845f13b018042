"""Mending and pruning."""

from typing import Protocol

from ductape.domain.job import Claim, Schedule
from ductape.domain.retention import Others

NO_OTHERS: Others = {}


class Upkeep(Protocol):
    """What any worker does now and then."""

    async def take_duty(self, duty: str, worker: str, *, now_ms: int, lease_ms: int) -> bool:
        """Take a duty for a while; false where somebody else has it."""
        ...

    async def orphans(self, *, limit: int) -> list[Schedule]:
        """List active recurrences without a live run and without a fault."""
        ...

    async def expired(self, *, now_ms: int, limit: int) -> list[Claim]:
        """List runs that did not begin before their `expires_at`, those of longest ago first.

        Nobody has claimed them: whoever does first, or ends one first, is the only one.
        """
        ...

    async def release_deserted(self, *, now_ms: int) -> int:
        """Release runs parked under a cache key that nobody leads; return how many keys."""
        ...

    async def prune(
        self,
        *,
        completed_before_ms: int,
        failed_before_ms: int,
        now_ms: int,
        limit: int,
        products: Others = NO_OTHERS,
    ) -> bool:
        """Take away old history, the keys of jobs that are gone, stale cache entries.

        And windows of quotas that count no more, breakers that did not change since
        `failed_before_ms`, and sessions that had expired when what is kept longest failed; one that
        was revoked stays while a live job has a session of its tag and user. `products` are those
        that are kept for another time.

        Holds nobody up: at most `limit` rows of each are deleted. Returns whether more is left.
        A store that keeps history by the day may keep a run for up to a day longer.
        """
        ...

    async def worn(self) -> None:
        """Wait until what runs have left makes `tidy` pay; for ever where it never does."""
        ...

    async def tidy(self) -> bool:
        """Give the room of what is over to what comes; false where that cannot be done now.

        Shuts nobody out for longer than a second.
        """
        ...
