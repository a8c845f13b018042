"""Looking a PostgreSQL database over: what must hold between our rows.

Of its own files a server tells by checksums and `pg_amcheck`, which are the administrator's.
"""

from ductape.stores.postgres.rows.values import Values
from ductape.stores.postgres.server.engine import Engine


class PostgresChecking:
    """Where a store is looked over; nothing is changed."""

    def __init__(self, engine: Engine) -> None:
        """Look at an engine's database."""
        self._engine = engine

    async def damage(self, *, most: int) -> list[str]:
        """Return nothing: a client cannot look at a server's files."""
        del most
        return []

    async def breaches(self, rule: str, *, most: int) -> list[str]:
        """Return the jobs that break one of `RULES`."""
        asked: Values = {"most": most}
        rows = await self._engine.read(lambda t: t.rows("checking", rule, asked), unhurried=True)
        return [job_id for (job_id,) in rows]
