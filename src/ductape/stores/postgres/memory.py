"""Cached results on PostgreSQL. Who asks about a key holds it until the transaction's end.

So equal runs are told one after another who leads, and a leader's result meets every follower.
"""

from collections.abc import Collection

from ductape.domain.change import CacheEntry, RunRef
from ductape.domain.jsonvalue import JsonValue
from ductape.ports.stores.memory import CacheValue, Follows, Fresh, Leads, Selection
from ductape.stores.postgres.limits.gates import hold_gates
from ductape.stores.postgres.limits.room import unblock
from ductape.stores.postgres.rows.entries import entry_row, selection_row
from ductape.stores.postgres.rows.values import Values, decode_json
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction


class PostgresMemory:
    """Where results are remembered."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def recall(
        self, run: RunRef, key: bytes, *, now_ms: int
    ) -> Fresh | Leads | Follows | None:
        """Consult the cache for a claimed run; none where the fence no longer holds."""
        return await self._engine.write(lambda t: _recall(t, run, key, now_ms))

    async def fresh(self, product: str, key: bytes, *, now_ms: int) -> Fresh | None:
        """Return what a product's events have left under a key; none if nothing, or it is stale."""
        del product  # it is part of the key
        values: Values = {"key": key, "now": now_ms}
        row = await self._engine.single(lambda t: t.row("cache_entries", "fresh", values))
        return None if row is None else Fresh(decode_json(row[0]))

    async def leave(self, entry: CacheEntry, result: JsonValue, *, now_ms: int) -> None:
        """Remember a result that no run leads."""
        values = entry_row(entry, result, now_ms)
        await self._engine.single(lambda t: t.change("cache_entries", "put", values))

    async def values(self, selection: Selection, *, now_ms: int) -> list[CacheValue]:
        """List the live entries that are selected, newest first."""
        values: Values = {**selection_row(selection), "now": now_ms}
        rows = await self._engine.single(lambda t: t.rows("cache_entries", "values", values))
        return [
            CacheValue(row[0], row[1], row[2], row[3], decode_json(row[4]), row[5], row[6])
            for row in rows
        ]

    async def clear(self, selection: Selection) -> int:
        """Forget the entries that are selected, stale ones too; return how many."""
        values: Values = selection_row(selection)
        # Run again where nobody heard of it, it would count none.
        return await self._engine.write(lambda t: t.change("cache_entries", "clear", values))


async def hold_keys(transaction: Transaction, keys: Collection[bytes], now_ms: int) -> None:
    """Keep others away from cache keys until the transaction ends; before any run is touched."""
    if keys:
        await transaction.change("cache_entries", "lock", {"keys": sorted(keys), "now": now_ms})


async def release_one(transaction: Transaction, key: bytes, now_ms: int) -> None:
    """Let the first run that is parked under a cache key be claimed."""
    await transaction.change("runs", "release_one", {"key": key, "now": now_ms})


async def _recall(
    transaction: Transaction, run: RunRef, key: bytes, now_ms: int
) -> Fresh | Leads | Follows | None:
    values: Values = {
        "job_id": run.job_id,
        "number": run.number,
        "fence": run.fence,
        "key": key,
        "now": now_ms,
    }
    gate: str | None = await transaction.cell("runs", "gate", values)
    gates = set[str]() if gate is None else {gate}
    await hold_gates(transaction, gates, now_ms)
    await hold_keys(transaction, {key}, now_ms)
    held = await transaction.row("runs", "hold", values)
    if held is None:
        return None
    entry = await transaction.row("cache_entries", "fresh", values)
    if entry is not None:
        return Fresh(decode_json(entry[0]))
    leader: str | None = await transaction.cell("runs", "same_running", values)
    state, stop_reason = held
    # A run that is to stop is not parked: its worker could not settle it any more.
    if leader is not None and state == "running" and stop_reason is None:
        await transaction.change("runs", "park", values)
        await unblock(transaction, gates, now_ms)
        return Follows(leader)
    if state == "running":
        await transaction.change("runs", "lead", values)
    return Leads()
