"""A worker's turns with the store, as they are asked for. Times are milliseconds."""

from collections.abc import Sequence
from dataclasses import dataclass

from ductape.domain.change import CacheEntry
from ductape.domain.job import Claim
from ductape.domain.outcome import Outcome
from ductape.ports.stores.claims import Wish

PATIENCE_MS = 10_000
"""How long the store may take to answer, however short the lease is."""


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
    return max(wish.lease_ms, PATIENCE_MS) / 1000
