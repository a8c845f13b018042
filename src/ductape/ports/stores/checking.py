"""Is a store sound? What the database can tell of itself, and what must hold between our rows."""

from typing import Protocol

RULES = {
    "two_live_runs": "has more than one run that waits or runs",
    "live_and_ended": "has a run that waits or runs and is in the history too",
    "no_live_run": "is an active recurrence without a run (upkeep mends it)",
    "no_recurrence": "has a run of a recurrence that is not there",
    "in_no_hands": "has a running run that no worker holds",
    "key_of_nobody": "has a key, and is not there itself",
}
"""What each rule finds of a job; each is one statement of a store, bounded by what is live."""


class Checking(Protocol):
    """Where a store is looked over; nothing is changed."""

    async def damage(self, *, most: int) -> list[str]:
        """Return what the database finds wrong with its own files, where it can tell."""
        ...

    async def breaches(self, rule: str, *, most: int) -> list[str]:
        """Return the jobs that break one of `RULES`."""
        ...
