"""How long finished runs are kept: as the operator says, or as their product does (SPEC 19). Pure.

Spans and instants are milliseconds. A product's document says it in days, and may leave one out.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product.format.document import Retention

DAY_MS = 86_400_000


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


def kept_in(document: JsonObject) -> Retention:
    """Return what a product's stored document says about it.

    >>> kept_in({"tag": "shop", "retention": {"failed": 7}})
    Retention(completed=None, failed=7.0)
    """
    return msgspec.convert(document.get("retention") or {}, Retention)


def of_product(said: Retention, default: Kept) -> Kept:
    """Return how long a product's runs are kept: what it leaves out is as everybody's.

    >>> of_product(Retention(completed=0.5), Kept(completed_ms=1, failed_ms=2))
    Kept(completed_ms=43200000, failed_ms=2)
    """
    return Kept(
        default.completed_ms if said.completed is None else round(said.completed * DAY_MS),
        default.failed_ms if said.failed is None else round(said.failed * DAY_MS),
    )
