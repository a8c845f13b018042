"""Storing jobs out of a handler: what a subscription asks of the services."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonObject


class Order(Struct, frozen=True):
    """One job to store, due at once."""

    product: str
    env: str
    event: str
    input: JsonObject
    """Whole: what looks like a reference in it is plain text."""
    key: str
    """Whatever is ordered twice under one key is one job."""
    app: str | None = None
    queue: str = "default"
    metadata: dict[str, str] = field(default_factory=dict[str, str])

    def __repr__(self) -> str:
        """Keep the input out of every log and traceback."""
        return f"Order(event={self.event!r}, key={self.key!r})"


class Dispatch(Protocol):
    """Stores jobs, durably, in the store of their product."""

    async def refuse_unknown(self, product: str, env: str, event: str, app: str | None) -> None:
        """Raise `NotFound` where there is no such event."""
        ...

    async def dispatch(self, order: Order) -> bool:
        """Store a job and tell whether it is new: under a known key there is one already.

        Returns after the commit. Raises what `processor.job.dispatch` raises.
        """
        ...

    async def dispatch_many(self, orders: Sequence[Order]) -> list[bool]:
        """Store jobs in one transaction, all or none, and tell of each whether it is new.

        Raises where any of them cannot be stored, or is known and differs.
        """
        ...

    async def waiting(self, queue: str) -> int:
        """Count the runs of a queue that are due and wait."""
        ...
