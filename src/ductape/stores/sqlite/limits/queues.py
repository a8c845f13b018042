"""Queues on SQLite: what a person set for them, and what waits in them."""

from ductape.domain.limits.rate import Rate
from ductape.ports.stores.queues import QueueRecord, summed
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.statements import statements
from ductape.stores.sqlite.limits.room import limited_queues


class SqliteQueues:
    """Where queues are looked at and held back."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def all(self, *, now_ms: int) -> list[QueueRecord]:
        """List them by name, with what waits and runs; what is due by now is queued."""
        return await self._engine.read(lambda c: _all(c, now_ms))

    async def pause(self, name: str, *, paused: bool) -> bool:
        """Let no worker claim from a queue, or let them again; tell whether that is new."""
        return await self._engine.write(lambda c: _pause(c, name, paused=paused))

    async def set_concurrency(self, name: str, limit: int | None) -> None:
        """Limit how many runs of a queue run at a time; none lifts the limit."""
        await self._set("limit", {"name": name, "concurrency": limit})

    async def set_rate(self, name: str, rate: Rate | None) -> None:
        """Limit how many runs of a queue start in a span; none lifts the limit."""
        limit, per_ms = (None, None) if rate is None else (rate.limit, rate.per_ms)
        await self._set("rate", {"name": name, "rate_limit": limit, "rate_ms": per_ms})

    async def _set(self, name: str, values: dict[str, Cell]) -> None:
        sql = statements("queues")[name]
        await self._engine.write(lambda c: c.execute(sql, values).fetchall())


def _pause(connection: Connection, name: str, *, paused: bool) -> bool:
    before = connection.execute(statements("queues")["paused"], {"name": name}).get
    if bool(before) is paused:
        return False
    connection.execute(statements("queues")["pause"], {"name": name, "paused": paused})
    return True


def _all(connection: Connection, now_ms: int) -> list[QueueRecord]:
    limited = limited_queues(connection)
    rows = connection.execute(statements("runs")["counts"], {"now": now_ms}).fetchall()
    return summed(limited, rows)
