"""What an event names, looked up instead of searched for: a product may have thousands of actions.

The last few products' addresses are kept by event. A product never changes, so neither does what
is kept of it; it goes by which product it is, since comparing two would cost more than the search.
"""

from collections.abc import Mapping
from functools import lru_cache

from ductape.domain.product.addresses import Address, addresses
from ductape.domain.product.format.document import Product

MOST_PRODUCTS = 8


class _This:
    """A product, known by being itself."""

    __slots__ = ("product",)

    def __init__(self, product: Product) -> None:
        self.product = product

    def __hash__(self) -> int:
        return id(self.product)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _This) and other.product is self.product


def addressed(product: Product, event: str) -> tuple[Address, ...]:
    """Return what an event could name in a product, in the document's order."""
    return _by_event(_This(product)).get(event, ())


@lru_cache(maxsize=MOST_PRODUCTS)
def _by_event(this: _This) -> Mapping[str, tuple[Address, ...]]:
    found: dict[str, list[Address]] = {}
    for address in addresses(this.product):
        found.setdefault(address.event, []).append(address)
    return {event: tuple(named) for event, named in found.items()}
