"""Cached results on PostgreSQL."""

from ductape.domain.change import CacheEntry, RunRef
from ductape.domain.jsonvalue import JsonValue
from ductape.ports.stores.memory import CacheValue, Follows, Fresh, Leads, Selection
from ductape.stores.postgres.recalling import Recall, Recalling
from ductape.stores.postgres.rows.entries import entry_columns, selection_row
from ductape.stores.postgres.rows.values import Values, decode_json
from ductape.stores.postgres.server.engine import Engine


class PostgresMemory:
    """Where results are remembered."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine
        self._recalling = Recalling(engine)

    async def recall(
        self, run: RunRef, key: bytes, *, now_ms: int
    ) -> Fresh | Leads | Follows | None:
        """Consult the cache for a claimed run; none where no result is and the fence is lost."""
        return await self._recalling.recall(Recall(run, key, now_ms))

    async def aclose(self) -> None:
        """Wait for what is under way."""
        await self._recalling.aclose()

    async def fresh(self, product: str, key: bytes, *, now_ms: int) -> Fresh | None:
        """Return what a product's events have left under a key; none if nothing, or it is stale."""
        del product  # it is part of the key
        values: Values = {"key": key, "now": now_ms}
        row = await self._engine.single(lambda t: t.row("cache_entries", "fresh", values))
        return None if row is None else Fresh(decode_json(row[0]))

    async def leave(self, entry: CacheEntry, result: JsonValue, *, now_ms: int) -> None:
        """Remember a result that no run leads."""
        values = entry_columns([(entry, result)], now_ms)
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
