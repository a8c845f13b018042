"""Mending and pruning on SQLite, in batches that never hold the writer for long."""

from ductape.domain.job import Schedule
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.engine import Engine
from ductape.stores.sqlite.limits import unblock
from ductape.stores.sqlite.rows import schedule_of
from ductape.stores.sqlite.settling import release_one
from ductape.stores.sqlite.statements import statements


class SqliteUpkeep:
    """What any worker does now and then."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def take_duty(self, duty: str, worker: str, *, now_ms: int, lease_ms: int) -> bool:
        """Take a duty for a while; false where somebody else has it."""
        values: dict[str, Cell] = {
            "duty": duty,
            "worker": worker,
            "now": now_ms,
            "lease_until": now_ms + lease_ms,
        }
        sql = statements("workers")["take_duty"]
        return await self._engine.write(lambda c: c.execute(sql, values).get is not None)

    async def orphans(self, *, limit: int) -> list[Schedule]:
        """List active recurrences without a live run and without a fault."""
        sql = statements("schedules")["orphans"]
        rows = await self._engine.read(lambda c: c.execute(sql, {"most": limit}).fetchall())
        return [schedule_of(row) for row in rows]

    async def release_deserted(self, *, now_ms: int) -> int:
        """Release runs parked under a cache key that nobody leads; return how many keys."""
        return await self._engine.write(lambda c: _release_deserted(c, now_ms))

    async def prune(
        self, *, completed_before_ms: int, failed_before_ms: int, now_ms: int, limit: int
    ) -> int:
        """Delete old history, ended jobs' keys, stale cache entries; return how many rows."""
        values: dict[str, Cell] = {
            "completed_before": completed_before_ms,
            "failed_before": failed_before_ms,
            "now": now_ms,
            "most": limit,
        }
        return await self._engine.write(lambda c: _prune(c, values))


def _release_deserted(connection: Connection, now_ms: int) -> int:
    keys = connection.execute(statements("runs")["deserted"]).fetchall()
    for row in keys:
        release_one(connection, row[0], now_ms)
    flows = connection.execute(statements("runs")["blocked_flows"]).fetchall()
    return len(keys) + unblock(connection, [row[0] for row in flows], now_ms)


def _prune(connection: Connection, values: dict[str, Cell]) -> int:
    jobs = [
        row[0]
        for table in ("history", "schedules")  # in this order: a recurrence outlives its history
        for row in connection.execute(statements(table)["prune"], values)
    ]
    keys: list[dict[str, Cell]] = [{"job_id": job_id} for job_id in set(jobs)]
    connection.executemany(statements("job_keys")["free"], keys)
    connection.execute(statements("cache_entries")["prune"], values)
    return len(jobs) + connection.changes()
