"""How long a product keeps its finished runs: in days; what it leaves out is as everybody's."""

import msgspec

from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product.format.document import Retention
from ductape.domain.retention import Kept

DAY_MS = 86_400_000


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
