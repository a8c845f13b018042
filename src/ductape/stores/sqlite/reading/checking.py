"""Looking a SQLite file over: its pages and indexes, and what must hold between our rows."""

from ductape.stores.sqlite.connection import Connection
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.statements import statements


class SqliteChecking:
    """Where a store is looked over; nothing is changed."""

    def __init__(self, engine: Engine) -> None:
        """Look at an engine's file."""
        self._engine = engine

    async def damage(self, *, most: int) -> list[str]:
        """Return what SQLite finds wrong with its own file; reads all of it."""

        def step(connection: Connection) -> list[str]:
            rows = connection.execute(f"PRAGMA integrity_check({most:d})")
            return [said for (said,) in rows if said != "ok"]

        return await self._engine.read(step)

    async def breaches(self, rule: str, *, most: int) -> list[str]:
        """Return the jobs that break one of `RULES`."""
        sql = statements("checking")[rule]
        rows = await self._engine.read(lambda c: c.execute(sql, {"most": most}).fetchall())
        return [job_id for (job_id,) in rows]
