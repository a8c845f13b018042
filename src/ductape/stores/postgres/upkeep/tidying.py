"""Keeping `runs` small: vacuumed by count, since autovacuum looks by the clock.

Each run leaves dead rows in a table that all claims read. Vacuuming after every 20,000 takes some
tens of milliseconds of one core, beside the work; autovacuum alone comes once a minute, when there
may be a million (DESIGN 3).
"""

import asyncio
import logging

import psycopg
from psycopg.errors import Diagnostic

from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.faults import explain

LOOK_EVERY = 2_000
"""After how many settlements of this process it is asked what all processes have left behind."""
MOST_SETTLED = 20_000
"""After how many of its own a process asks for a vacuum, whatever the statistics say."""
MOST_DEAD = 40_000
"""So many dead rows call for one: each run leaves two, one as it is claimed, one as it ends."""

NOT_AVAILABLE = "55P03"
"""The SQLSTATE of a lock that somebody else holds: another vacuum, or a migration."""

log = logging.getLogger("ductape.store")


class Wear:
    """Counts what this process has settled since it last vacuumed."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.settled = 0
        self._looked_at = 0
        self._worth_a_look = asyncio.Event()

    def add(self, settled: int) -> None:
        """Count some more."""
        self.settled += settled
        if self.settled - self._looked_at >= LOOK_EVERY:
            self._worth_a_look.set()

    async def worth_a_look(self) -> None:
        """Wait until `LOOK_EVERY` more were settled."""
        await self._worth_a_look.wait()
        self._worth_a_look.clear()
        self._looked_at = self.settled

    def forget(self) -> None:
        """Begin anew."""
        self.settled = self._looked_at = 0


class Tidying:
    """Vacuums `runs`."""

    def __init__(self, engine: Engine, wear: Wear) -> None:
        """Work on an engine, by the wear of its process."""
        self._engine = engine
        self._wear = wear
        self._forbidden = False

    async def worn(self) -> None:
        """Wait until a vacuum pays."""
        while True:
            await self._wear.worth_a_look()
            if self._wear.settled >= MOST_SETTLED or await self._dead() >= MOST_DEAD:
                return

    async def tidy(self) -> bool:
        """Vacuum; false where somebody else holds the table, or where this user may not."""
        self._wear.forget()
        refusals: list[str | None] = []

        def heed(said: Diagnostic) -> None:
            if said.severity_nonlocalized == "WARNING":
                refusals.append(said.sqlstate)

        connection = await self._engine.connect()
        connection.add_notice_handler(heed)
        try:
            if not self._engine.pooled:
                await connection.execute(b"SET statement_timeout = 0")
            await connection.execute(self._engine.statements.named("upkeep", "vacuum"))
        except psycopg.Error as error:
            raise explain(error, self._engine.address.shown) from error
        finally:
            await connection.close()
        if any(code != NOT_AVAILABLE for code in refusals):
            self._say_it_is_forbidden()
        return not refusals

    async def _dead(self) -> int:
        return await self._engine.single(lambda t: t.cell("upkeep", "dead"))

    def _say_it_is_forbidden(self) -> None:
        if not self._forbidden:
            self._forbidden = True
            log.warning(
                "the database user may not vacuum `runs`: it is left to autovacuum, and may grow;"
                " let the owner of the tables run a worker, or grant MAINTAIN (PostgreSQL 17)"
            )
