"""How long a story of torture lasts, and how it begins: all that a seed and a few figures decide.

Names that end in `_s` are seconds, `_ms` milliseconds.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["sqlite", "postgres"]

KINDS: tuple[Kind, ...] = ("sqlite", "postgres")
KEY = "k1:" + "A" * 43
"""The encryption key of every process: 32 bytes of nothing."""
TAKEN_OVER_MS = 5_000
"""A dead worker's runs are taken over within its lease and this (SPEC 11)."""


@dataclass(frozen=True)
class Plan:
    """One story."""

    kind: Kind
    seed: int
    trouble_s: float
    """How long jobs are dispatched and trouble is made; what is left is done in peace."""
    workers: int = 4
    jobs_a_second: int = 60
    recurrences: int = 8
    concurrency: int = 20
    lease_ms: int = 3_000
    grace_ms: int = 1_000
    upkeep_ms: int = 500
    peace_s: float = 60.0
    """How long nothing may get done of the rest before it counts as lost."""

    @property
    def stopping_ms(self) -> int:
        """How long a worker that is told to stop waits for its runs, and then for the store."""
        return 2 * self.grace_ms + 1_000

    @property
    def longest_s(self) -> float:
        """How long the rest may take in all.

        Hundreds of runs were lost once by then, and a worker takes one such run at a time.
        """
        return max(self.peace_s, self.trouble_s)

    @property
    def allowed_ms(self) -> int:
        """How long after a death its runs may be in its hands."""
        return self.lease_ms + TAKEN_OVER_MS
