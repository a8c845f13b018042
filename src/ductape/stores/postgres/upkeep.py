"""Mending and pruning on PostgreSQL, in batches."""

from ductape.domain.job import Schedule
from ductape.stores.postgres.engine import Engine
from ductape.stores.postgres.limits import hold_gates, unblock
from ductape.stores.postgres.memory import hold_keys, release_one
from ductape.stores.postgres.rows import Values, schedule_of
from ductape.stores.postgres.transaction import Transaction

LOCKS_KEPT_MS = 3_600_000
"""How long the row that stands for a cache key outlives its last use: an hour."""


class PostgresUpkeep:
    """What any worker does now and then."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def take_duty(self, duty: str, worker: str, *, now_ms: int, lease_ms: int) -> bool:
        """Take a duty for a while; false where somebody else has it."""
        values: Values = {
            "duty": duty,
            "worker": worker,
            "now": now_ms,
            "lease_until": now_ms + lease_ms,
        }
        return await self._engine.single(lambda t: t.change("workers", "take_duty", values)) == 1

    async def orphans(self, *, limit: int) -> list[Schedule]:
        """List active recurrences without a live run and without a fault."""
        asked: Values = {"most": limit}
        rows = await self._engine.single(lambda t: t.rows("schedules", "orphans", asked))
        return [schedule_of(row) for row in rows]

    async def release_deserted(self, *, now_ms: int) -> int:
        """Release runs parked under a cache key that nobody leads; return how many keys."""
        # Mostly there are none, and looking writes nothing.
        deserted = await self._engine.single(lambda t: t.rows("runs", "deserted"))
        gates = await self._engine.single(lambda t: t.rows("runs", "open_gates"))
        keys, flows = {row[0] for row in deserted}, {row[0] for row in gates}
        released = 0
        if keys:
            released = await self._engine.write(lambda t: _release_deserted(t, keys, now_ms))
        if flows:
            released += await self._engine.write(lambda t: _open_gates(t, flows, now_ms))
        return released

    async def prune(
        self, *, completed_before_ms: int, failed_before_ms: int, now_ms: int, limit: int
    ) -> int:
        """Delete old history, ended jobs' keys, stale cache entries; return how many rows."""
        values: Values = {
            "completed_before": completed_before_ms,
            "failed_before": failed_before_ms,
            "now": now_ms,
            "idle_since": now_ms - LOCKS_KEPT_MS,
            "most": limit,
        }
        return await self._engine.write(lambda t: _prune(t, values))


async def _release_deserted(transaction: Transaction, found: set[bytes], now_ms: int) -> int:
    """Look once more while nobody else can lead or follow."""
    await hold_keys(transaction, found, now_ms)
    still = {row[0] for row in await transaction.rows("runs", "deserted")} & found
    for key in sorted(still):
        await release_one(transaction, key, now_ms)
    return len(still)


async def _open_gates(transaction: Transaction, flows: set[str], now_ms: int) -> int:
    await hold_gates(transaction, flows, now_ms)
    return await unblock(transaction, flows, now_ms)


async def _prune(transaction: Transaction, values: Values) -> int:
    jobs = [
        row[0]
        for table in ("history", "schedules")  # in this order: a recurrence outlives its history
        for row in await transaction.rows(table, "prune", values)
    ]
    if jobs:
        await transaction.change("job_keys", "free", {"jobs": sorted(set(jobs))})
    stale = await transaction.change("cache_entries", "prune", values)
    await transaction.change("cache_entries", "prune_locks", values)
    await transaction.change("gates", "prune", values)
    return len(jobs) + stale
