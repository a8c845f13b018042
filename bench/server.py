"""The one PostgreSQL of a run: durable, on a real disk, a database for each measurement.

`postgres_server` of the tests starts it; here it must wait for the disk at each commit, which is
checked and not assumed. Beyond that only the sizes that every production server raises are set.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from tests.servers.postgres import PostgresServer, postgres_server

SETTINGS = (
    "shared_buffers=512MB",
    "max_wal_size=4GB",
    "autovacuum_naptime=60s",
    "stats_fetch_consistency=none",
)
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
KEY = "bench:" + "A" * 43
"""What ours seals with; the jobs of a benchmark hold no secret."""
IN_MEMORY = {"tmpfs", "ramfs"}


@dataclass(frozen=True)
class BenchServer:
    """A running server that was found durable."""

    server: PostgresServer
    facts: str
    """Its version, its durability and its disk, as the report has them."""

    async def fresh(self, name: str) -> str:
        """Make an empty database, in place of an older one; return its URL."""
        drop = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name))
        create = SQL("CREATE DATABASE {}").format(Identifier(name))
        async with await self._connect() as connection:
            await connection.execute(drop)
            await connection.execute(create)
            await connection.execute("CHECKPOINT")
        return self.server.url.rpartition("/")[0] + f"/{name}"

    async def transactions(self, name: str) -> int:
        """Count the transactions that a database has seen, as its statistics know them."""
        query = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = %s"
        async with await self._connect() as connection:
            row = await (await connection.execute(query, (name,))).fetchone()
        assert row is not None
        return int(row[0])

    async def _connect(self) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(self.server.url, autocommit=True)


@asynccontextmanager
async def bench_server() -> AsyncGenerator[BenchServer]:
    """Start the server; raises `RuntimeError` if it would not wait for a disk."""
    with postgres_server(durable=True, settings=SETTINGS) as server:
        yield BenchServer(server, await asyncio.to_thread(_facts, server.url))
        server.stop(at_once=True)  # nobody reads its files again: a last checkpoint is for nothing


def _facts(url: str) -> str:
    with psycopg.connect(url) as connection:
        found = {name: _shown(connection, name) for name in (*DURABLE, "server_version")}
        disk = _file_system(Path(_shown(connection, "data_directory")))
    wrong = {name: found[name] for name, wanted in DURABLE.items() if found[name] != wanted}
    if wrong or disk in IN_MEMORY:
        raise RuntimeError(f"no durable server: {wrong or disk}")
    durable = ", ".join(f"{name} {found[name]}" for name in DURABLE)
    return f"PostgreSQL {found['server_version']}, {durable}, {disk}"


def _shown(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    assert row is not None
    return str(row[0])


def _file_system(folder: Path) -> str:
    """Return the kind of file system that a folder is on."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(point, kind) for _, point, kind, *_ in mounts if folder.is_relative_to(point)]
    # Inside of a changed root the disk's own mount is out of sight.
    return max(holding, key=lambda mount: len(mount[0]), default=("", "a disk"))[1]
