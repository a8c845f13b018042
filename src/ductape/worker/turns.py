"""A worker's turns with the store, as they are asked for. Times are milliseconds."""

from collections.abc import Sequence
from dataclasses import dataclass

from ductape.domain.change import CacheEntry
from ductape.domain.job import Claim, Run, attempt_ms
from ductape.domain.outcome import Outcome
from ductape.ports.stores.claims import Wish


@dataclass(frozen=True, slots=True)
class Ended:
    """A run whose outcome waits to be settled."""

    claim: Claim
    outcome: Outcome
    entry: CacheEntry | None


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A turn, as it was asked for."""

    at_ms: int
    wish: Wish
    ended: Sequence[Ended]


def patience_s(wish: Wish) -> float:
    """Return after how many seconds a store that does not answer is given up: one lease."""
    return wish.lease_ms / 1000


def is_late(run: Run, now_ms: int) -> bool:
    """Tell whether half of a claimed run's time went by before it was heard of.

    The time-out counts from the claim, whose answer may have been long under way.
    """
    started_ms = run.started_at_ms
    return started_ms is not None and now_ms - started_ms > attempt_ms(run.spec) // 2
