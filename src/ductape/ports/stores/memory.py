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


class Selection(Struct, frozen=True):
    """Entries of one cache of one product."""

    product: str
    tag: str
    event: str | None = None
    """Only those of this event."""
    kind: str | None = None
    """Only those of this kind."""
    until_ms: int | None = None
    """Only those that live at least to this instant."""


class Memory(Protocol):
    """Where results are remembered."""

    async def recall(
        self, run: RunRef, key: bytes, *, now_ms: int
    ) -> Fresh | Leads | Follows | None:
        """Consult the cache for a claimed run; none where the fence no longer holds.

        Whose fence is lost may be told a result all the same: he cannot settle by it.
        """
        ...

    async def fresh(self, product: str, key: bytes, *, now_ms: int) -> Fresh | None:
        """Return what a product's events have left under a key; none if nothing, or it is stale."""
        ...

    async def leave(self, entry: CacheEntry, result: JsonValue, *, now_ms: int) -> None:
        """Remember a result that no run leads."""
        ...

    async def values(self, selection: Selection, *, now_ms: int) -> list[CacheValue]:
        """List the live entries that are selected, newest first."""
        ...

    async def clear(self, selection: Selection) -> int:
        """Forget the entries that are selected, stale ones too; return how many."""
        ...
