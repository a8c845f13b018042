"""Decoding the definitions of one shape, each once as long as it stays what it is.

The catalog gives the same target for every call of an event by one version of its product. What
holds references comes anew for each attempt, with what they brought in: that is never kept.
"""

from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject
from ductape.domain.target import Target

T = TypeVar("T", bound=Struct)

MOST_KEPT = 256
"""How many definitions are kept decoded; the one decoded first is dropped first."""


class Reading(Generic[T]):
    """Reads targets' definitions as one shape."""

    def __init__(self, shape: type[T]) -> None:
        """Decode into `shape`."""
        self._shape = shape
        self._kept: dict[int, tuple[JsonObject, T]] = {}
        """By a definition's identity, which is its own as long as it is kept."""

    def of(self, target: Target) -> T:
        """Return a target's definition, decoded."""
        definition = target.definition
        if target.refers:
            return msgspec.convert(definition, self._shape)
        kept = self._kept.get(id(definition))
        if kept is not None:
            return kept[1]
        while len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        read = msgspec.convert(definition, self._shape)
        self._kept[id(definition)] = definition, read
        return read
