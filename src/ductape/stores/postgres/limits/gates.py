"""The gates of a turn on PostgreSQL: the rows that stand for concurrency keys.

Whoever holds a gate may count the runs behind it, or make room there. A settlement waits for its
gates; a claim holds those that are free. A gate that is not there yet is made by a transaction that
holds nothing: whoever made one and went on would let others wait for it, whose gates it may want.
"""

from collections.abc import Collection

from ductape.stores.postgres.rows.values import Values
from ductape.stores.postgres.server.transaction import Transaction

PATIENCE_MS = 100
"""How long making gates may take: somebody's claims are kept waiting meanwhile."""


class Gates:
    """What one turn holds of them, and what it has missed."""

    def __init__(self, transaction: Transaction) -> None:
        """Begin with none."""
        self._transaction = transaction
        self.missing: set[str] = set()
        """The flows whose gates are yet to be made."""

    async def hold(self, flows: Collection[str]) -> set[str]:
        """Hold the gates that nobody else holds, waiting for no one; return their flows."""
        if not flows:
            return set()
        asked: Values = {"flows": sorted(flows)}
        rows = await self._transaction.rows("gates", "try", asked)
        self.missing.update(flow for flow, is_there in rows if not is_there)
        return {flow for flow, is_there in rows if is_there}


async def make_gates(transaction: Transaction, flows: Collection[str], now_ms: int) -> None:
    """Make those that are not there yet; who is just making one is not waited for long."""
    await transaction.rows("gates", "hurry", {"patience": f"{PATIENCE_MS}ms"})
    await transaction.change("gates", "make", {"flows": sorted(flows), "now": now_ms})


async def hold_gates(transaction: Transaction, flows: Collection[str], now_ms: int) -> None:
    """Keep others away from gates until the transaction ends; before all else."""
    if flows:
        await transaction.change("gates", "lock", {"flows": sorted(flows), "now": now_ms})
