"""Cached results, and who waits behind whom for one (SPEC 7)."""

from typing import Protocol

from msgspec import Struct

from ductape.domain.change import CacheEntry, RunRef
from ductape.domain.jsonvalue import JsonValue


class Fresh(Struct, frozen=True):
    """An entry answers the run."""

    result: JsonValue


class Leads(Struct, frozen=True):
    """Nobody else runs this: go ahead."""


class Follows(Struct, frozen=True):
    """An equal run is running: this one is parked behind it, out of the worker's hands."""

    leader: str
    """Its job id."""


class CacheValue(Struct, frozen=True):
    """One entry, as a caller may see it."""

    product: str
    tag: str
    event: str
    kind: str
    result: JsonValue
    created_at_ms: int
    expires_at_ms: int


class Memory(Protocol):
    """Where results are remembered."""

    async def recall(
        self, run: RunRef, key: bytes, *, now_ms: int
    ) -> Fresh | Leads | Follows | None:
        """Consult the cache for a claimed run; none where the fence no longer holds."""
        ...

    async def fresh(self, product: str, key: bytes, *, now_ms: int) -> Fresh | None:
        """Return what a product's events have left under a key; none if nothing, or it is stale."""
        ...

    async def leave(self, entry: CacheEntry, result: JsonValue, *, now_ms: int) -> None:
        """Remember a result that no run leads."""
        ...

    async def values(
        self, product: str, tag: str, *, event: str | None, kind: str | None, now_ms: int
    ) -> list[CacheValue]:
        """List the live entries of one cache."""
        ...

    async def clear(self, product: str, tag: str) -> int:
        """Forget the entries of one cache; return how many."""
        ...
