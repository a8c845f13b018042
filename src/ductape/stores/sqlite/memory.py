"""Cached results on SQLite; parking is decided in the transaction that consults the cache."""

from ductape.domain.change import CacheEntry, RunRef
from ductape.domain.jsonvalue import JsonValue
from ductape.ports.stores.memory import CacheValue, Follows, Fresh, Leads, Selection
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.statements import statements
from ductape.stores.sqlite.limits.room import unblock
from ductape.stores.sqlite.rows.entries import entry_row, selection_row
from ductape.stores.sqlite.rows.values import decode_json


class SqliteMemory:
    """Where results are remembered."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def recall(
        self, run: RunRef, key: bytes, *, now_ms: int
    ) -> Fresh | Leads | Follows | None:
        """Consult the cache for a claimed run; none where the fence no longer holds."""
        values: dict[str, Cell] = {
            "job_id": run.job_id,
            "number": run.number,
            "fence": run.fence,
            "key": key,
            "now": now_ms,
        }
        return await self._engine.write(lambda c: _recall(c, values, now_ms))

    async def fresh(self, product: str, key: bytes, *, now_ms: int) -> Fresh | None:
        """Return what a product's events have left under a key; none if nothing, or it is stale."""
        del product  # it is part of the key
        sql, values = statements("cache_entries")["fresh"], {"key": key, "now": now_ms}
        row = await self._engine.read(lambda c: c.execute(sql, values).fetchone())
        return None if row is None else Fresh(decode_json(row[0]))

    async def leave(self, entry: CacheEntry, result: JsonValue, *, now_ms: int) -> None:
        """Remember a result that no run leads."""
        sql, values = statements("cache_entries")["put"], entry_row(entry, result, now_ms)
        await self._engine.write(lambda c: c.execute(sql, values).get)

    async def values(self, selection: Selection, *, now_ms: int) -> list[CacheValue]:
        """List the live entries that are selected, newest first."""
        values: dict[str, Cell] = {**selection_row(selection), "now": now_ms}
        sql = statements("cache_entries")["values"]
        rows = await self._engine.read(lambda c: c.execute(sql, values).fetchall())
        return [
            CacheValue(row[0], row[1], row[2], row[3], decode_json(row[4]), row[5], row[6])
            for row in rows
        ]

    async def clear(self, selection: Selection) -> int:
        """Forget the entries that are selected, stale ones too; return how many."""
        return await self._engine.write(lambda c: _clear(c, selection_row(selection)))


def _recall(
    connection: Connection, values: dict[str, Cell], now_ms: int
) -> Fresh | Leads | Follows | None:
    fence = connection.execute(statements("runs")["fence"], values).get
    if fence != values["fence"]:
        return None
    entry = connection.execute(statements("cache_entries")["fresh"], values).fetchone()
    if entry is not None:
        return Fresh(decode_json(entry[0]))
    leader = connection.execute(statements("runs")["same_running"], values).get
    # A run that is to stop is not parked: its worker could not settle it any more.
    stopping = connection.execute(statements("runs")["stop_reason"], values).get is not None
    if leader is not None and not stopping:
        gate = connection.execute(statements("runs")["gate"], values).get
        connection.execute(statements("runs")["park"], values)
        if gate is not None:
            unblock(connection, [gate], now_ms)
        return Follows(leader)
    connection.execute(statements("runs")["lead"], values)
    return Leads()


def _clear(connection: Connection, values: dict[str, Cell]) -> int:
    connection.execute(statements("cache_entries")["clear"], values)
    return connection.changes()
