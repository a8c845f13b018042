"""How long finished runs are kept (SPEC 19): spans and instants in milliseconds. Pure."""

from collections.abc import Mapping

from msgspec import Struct


class Kept(Struct, frozen=True):
    """How long finished runs are kept."""

    completed_ms: int
    failed_ms: int
    """Of those that failed or were cancelled."""


class KeptFrom(Struct, frozen=True):
    """The first instants that are kept: what ended earlier goes."""

    completed_ms: int
    failed_ms: int
    """Of those that failed or were cancelled."""


Others = Mapping[str, KeptFrom]
"""The products that are kept for another time than the rest."""


def kept_from(kept: Kept, now_ms: int) -> KeptFrom:
    """Return which runs are kept as of an instant.

    >>> kept_from(Kept(completed_ms=10, failed_ms=30), now_ms=100)
    KeptFrom(completed_ms=90, failed_ms=70)
    """
    return KeptFrom(now_ms - kept.completed_ms, now_ms - kept.failed_ms)
