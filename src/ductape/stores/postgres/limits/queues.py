"""Queues on PostgreSQL: what a person set for them, and what waits in them."""

from ductape.domain.limits.rate import Rate
from ductape.ports.stores.queues import QueueRecord, summed
from ductape.stores.postgres.limits.room import limited_queues
from ductape.stores.postgres.rows.values import Values
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction


class PostgresQueues:
    """Where queues are looked at and held back."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def all(self, *, now_ms: int) -> list[QueueRecord]:
        """List them by name, with what waits and runs; what is due by now is queued."""
        return await self._engine.read(lambda t: _all(t, now_ms))

    async def pause(self, name: str, *, paused: bool) -> bool:
        """Let no worker claim from a queue, or let them again; tell whether that is new."""
        values: Values = {"name": name, "paused": paused}
        return await self._engine.write(lambda t: _pause(t, values))

    async def set_concurrency(self, name: str, limit: int | None) -> None:
        """Limit how many runs of a queue run at a time; none lifts the limit."""
        values: Values = {"name": name, "concurrency": limit}
        await self._engine.single(lambda t: t.change("queues", "limit", values))

    async def set_rate(self, name: str, rate: Rate | None) -> None:
        """Limit how many runs of a queue start in a span; none lifts the limit."""
        limit, per_ms = (None, None) if rate is None else (rate.limit, rate.per_ms)
        values: Values = {"name": name, "rate_limit": limit, "rate_ms": per_ms}
        await self._engine.single(lambda t: t.change("queues", "rate", values))


async def _pause(transaction: Transaction, values: Values) -> bool:
    if not values["paused"]:
        return await transaction.change("queues", "resume", values) == 1
    return await transaction.change("queues", "pause", values) == 1


async def _all(transaction: Transaction, now_ms: int) -> list[QueueRecord]:
    limited = await limited_queues(transaction)
    rows = await transaction.rows("runs", "counts", {"now": now_ms})
    return summed(limited, [(row[0], row[1], row[2], row[3]) for row in rows])
