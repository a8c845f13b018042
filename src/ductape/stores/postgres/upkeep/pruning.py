"""One prunes at a time: two whose turns at the duty overlap would meet over the same rows.

A worker that was slow may still prune when its duty has gone to another. Each transaction of either
holds one row first, so that neither ever has rows that the other waits for.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction

T = TypeVar("T")


async def alone(engine: Engine, step: Callable[[Transaction], Awaitable[T]]) -> T:
    """Run a step of pruning in a transaction, beside no other."""

    async def held(transaction: Transaction) -> T:
        await transaction.change("upkeep", "hold_pruning")
        return await step(transaction)

    return await engine.write(held)
