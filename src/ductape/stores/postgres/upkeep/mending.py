"""Mending and pruning on PostgreSQL, in batches."""

from ductape.domain.job import Claim, Schedule
from ductape.domain.retention import KeptFrom, Others
from ductape.ports.stores.upkeep import NO_OTHERS
from ductape.stores.postgres.intake.keys import free_keys, hold_idle
from ductape.stores.postgres.limits.gates import hold_gates
from ductape.stores.postgres.limits.room import unblock
from ductape.stores.postgres.recalling import hold_keys, release
from ductape.stores.postgres.rows.values import Values, run_of, schedule_of
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.settling.applying import with_schedules
from ductape.stores.postgres.upkeep.pruning import alone
from ductape.stores.postgres.upkeep.retention import Retention
from ductape.stores.postgres.upkeep.tidying import Tidying, Wear

LOCKS_KEPT_MS = 3_600_000
"""How long the row that stands for a cache key outlives its last use: an hour."""


class PostgresUpkeep:
    """What any worker does now and then."""

    def __init__(self, engine: Engine, wear: Wear) -> None:
        """Work on an engine, by the wear of its process."""
        self._engine = engine
        self._retention = Retention(engine)
        self._tidying = Tidying(engine, wear)

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

    async def expired(self, *, now_ms: int, limit: int) -> list[Claim]:
        """List runs that did not begin before their `expires_at`."""
        return await self._engine.read(lambda t: _expired(t, now_ms, limit))

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
        self,
        *,
        completed_before_ms: int,
        failed_before_ms: int,
        now_ms: int,
        limit: int,
        products: Others = NO_OTHERS,
    ) -> bool:
        """Make room for the history to come; take away old history, keys, cache entries.

        Days of UTC go whole, so that a run may stay for up to a day longer.
        """
        default = KeptFrom(completed_before_ms, failed_before_ms)
        others_before = [kept.failed_ms for kept in products.values()]
        values: Values = {
            "failed_before": failed_before_ms,
            "others": list(products),
            "others_before": others_before,
            "latest_before": max(failed_before_ms, *others_before, 0),
            "earliest_before": min([failed_before_ms, *others_before]),
            "now": now_ms,
            "idle_since": now_ms - LOCKS_KEPT_MS,
            "most": limit,
        }
        keep = self._retention.keep
        # In this order: a recurrence outlives its history.
        more = await keep(default=default, others=products, now_ms=now_ms, limit=limit)
        return await alone(self._engine, lambda t: _prune(t, values, limit)) or more

    async def worn(self) -> None:
        """Wait until a vacuum of `runs` pays."""
        await self._tidying.worn()

    async def tidy(self) -> bool:
        """Vacuum `runs`; false where somebody else holds it, or where this user may not."""
        return await self._tidying.tidy()


async def _expired(transaction: Transaction, now_ms: int, limit: int) -> list[Claim]:
    rows = await transaction.rows("runs", "expired", {"now": now_ms, "most": limit})
    return await with_schedules(transaction, [run_of(row) for row in rows])


async def _release_deserted(transaction: Transaction, found: set[bytes], now_ms: int) -> int:
    """Look once more while nobody else can lead or follow."""
    await hold_keys(transaction, found, now_ms)
    still = {row[0] for row in await transaction.rows("runs", "deserted")} & found
    await release(transaction, still, now_ms)
    return len(still)


async def _open_gates(transaction: Transaction, flows: set[str], now_ms: int) -> int:
    await hold_gates(transaction, flows, now_ms)
    return await unblock(transaction, flows, now_ms)


async def _prune(transaction: Transaction, values: Values, limit: int) -> bool:
    ended = await _prune_recurrences(transaction, values)
    stale = await transaction.change("cache_entries", "prune", values)
    idle = await transaction.change("cache_entries", "prune_locks", values)
    windows = await transaction.change("quota_windows", "prune", values)
    breakers = await transaction.change("breakers", "prune", values)
    sessions = await transaction.change("sessions", "prune", values)
    gates = await transaction.change("gates", "prune", values)
    return limit in (ended, stale, idle, windows, breakers, sessions, gates)


async def _prune_recurrences(transaction: Transaction, values: Values) -> int:
    """Take away recurrences that are kept no longer, with their keys; return how many there were.

    Keys are held first, as whoever gives one of them another definition does.
    """
    rows = await transaction.rows("schedules", "prunable", {**values, "jobs": None})
    idle = await hold_idle(transaction, [row[0] for row in rows])
    if idle:
        ended = await transaction.rows("schedules", "prune", {**values, "jobs": idle})
        await free_keys(transaction, (row[0] for row in ended))
    return len(rows)
