"""Where ours is measured alone: on a SQLite file or on PostgreSQL, each with its bare floor."""

import asyncio
import statistics
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.floor import postgres, sqlite
from bench.server import KEY, BenchServer, bench_server

AT_LEAST = 5_000
"""The floor of many callers on SQLite is that of one, and needs no more rows than this."""


class Ground(Protocol):
    """A database for ours, and what it does bare."""

    folder: Path
    """Where other servers of a measurement may keep files."""

    @property
    def title(self) -> str:
        """Return what the report says of it."""
        ...

    async def store(self, name: str) -> str:
        """Return the URL of an empty store."""
        ...

    async def inserts(self, count: int, batch: int) -> float:
        """Return rows a second, committed `batch` at a time."""
        ...

    async def many_callers(self, count: int) -> float:
        """Return rows a second, a commit each, by as many connections as are of use."""
        ...

    async def drain(self, count: int, batch: int) -> float:
        """Return rows a second through claim, then delete."""
        ...

    async def commit_ms(self, count: int, pause_s: float) -> float:
        """Return the median of a lone commit in milliseconds, `pause_s` apart."""
        ...


@dataclass
class OnSqlite:
    """Files in a folder."""

    folder: Path
    made: int = 0
    title: str = "SQLite, synchronous=FULL, one process"

    async def store(self, name: str) -> str:
        """Name a file that is not there yet."""
        return f"sqlite:///{self._fresh(name)}"

    async def inserts(self, count: int, batch: int) -> float:
        """Insert in a file of its own."""
        return sqlite.inserts(self._fresh("floor"), count, batch)

    async def many_callers(self, count: int) -> float:
        """One writer is all that SQLite has."""
        return sqlite.inserts(self._fresh("floor"), min(count, AT_LEAST), 1)

    async def drain(self, count: int, batch: int) -> float:
        """Drain a file of its own."""
        return sqlite.drain(self._fresh("floor"), count, batch)

    async def commit_ms(self, count: int, pause_s: float) -> float:
        """Commit in a file of its own."""
        return sqlite.commit_ms(self._fresh("floor"), count, pause_s)

    def _fresh(self, name: str) -> Path:
        self.made += 1
        return self.folder / f"{name}{self.made}.db"


@dataclass
class OnPostgres:
    """Databases of one durable server."""

    server: BenchServer
    folder: Path

    @property
    def title(self) -> str:
        """Return the server's facts."""
        return f"{self.server.facts}; one process"

    async def store(self, name: str) -> str:
        """Make an empty database."""
        return await self.server.fresh(name)

    async def inserts(self, count: int, batch: int) -> float:
        """Insert in a database of its own."""
        return await asyncio.to_thread(postgres.inserts, await self._floor(), count, batch)

    async def many_callers(self, count: int) -> float:
        """Insert by ten connections."""
        return await postgres.concurrent(await self._floor(), count)

    async def drain(self, count: int, batch: int) -> float:
        """Fill a database of its own, and drain it."""
        url = await self._floor()
        await asyncio.to_thread(postgres.inserts, url, count, count)
        return await asyncio.to_thread(postgres.drain, url, batch, 1)

    async def commit_ms(self, count: int, pause_s: float) -> float:
        """Commit in a database of its own."""
        url = await self._floor()
        return statistics.median(await asyncio.to_thread(postgres.commits_ms, url, count, pause_s))

    async def _floor(self) -> str:
        url = await self.server.fresh("floor")
        await asyncio.to_thread(postgres.make, url)
        return url


SETTINGS = {"key": KEY}


@asynccontextmanager
async def ground_of(store: str, folder: Path) -> AsyncGenerator[Ground]:
    """Give the ground of a kind of store: `sqlite` or `postgres`."""
    if store == "sqlite":
        yield OnSqlite(folder)
        return
    async with bench_server() as server:
        yield OnPostgres(server, folder)
