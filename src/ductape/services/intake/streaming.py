"""Many new jobs of one call, stored while they are made.

A store on a server takes in the first of them while this process still makes the last. Only what
moulds can make, and for one product: any other batch takes the longer way, which alone tells what
is wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from ductape.ports.stores.intake import Intake, NewJob
from ductape.services.intake.building import Built
from ductape.services.intake.moulds import Moulds

WORTHWHILE = 100
"""How many jobs gain by it: fewer are made before a server could begin."""


class _Unusual(Exception):
    """A request takes the longer way."""


class Streaming:
    """Stores batches of like jobs."""

    def __init__(self, intake: Intake, moulds: Moulds) -> None:
        """Store through `intake` what `moulds` can make."""
        self._intake = intake
        self._moulds = moulds

    async def place(
        self, batch: Sequence[object], versions: Mapping[str, int], now_ms: int
    ) -> list[Built] | None:
        """Store a batch whole, as the present `versions` of products have it.

        None, and nothing stored, where it must take the longer way.
        """
        product = _only_product(batch)
        if product is None or self._moulds.cast(batch[0], versions, now_ms) is None:
            return None  # before a transaction is opened for nothing
        built: list[Built] = []

        def jobs() -> Iterator[NewJob]:
            built.clear()
            for data in batch:
                one = self._moulds.cast(data, versions, now_ms)
                if one is None:
                    raise _Unusual
                built.append(one)
                yield one.job

        try:
            stored = await self._intake.add_stream(product, jobs, now_ms=now_ms)
        except _Unusual:
            return None
        return built if stored else None


def _only_product(batch: Sequence[object]) -> str | None:
    """Name the product of all requests; none where there are several, or one has a key."""
    only: object = None
    for data in batch:
        if type(data) is not dict:
            return None
        fields = cast("dict[str, object]", data)
        product = fields.get("product_tag")
        if product != (only or product) or fields.get("key") is not None:
            return None
        only = product
    return only if type(only) is str else None
