"""Where a peer keeps its jobs: databases for most, a file for huey, a Valkey for BullMQ.

Each measurement gets an empty place of its own.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.server import BenchServer

UP_WITHIN_S = 10
LOOK_S = 0.05


class Place(Protocol):
    """Where a peer keeps its jobs."""

    async def fresh(self, name: str) -> str:
        """Make an empty place, in place of an older one; return its URL."""
        ...

    async def transactions(self, url: str) -> int | None:
        """Count the transactions that a place has seen; none where nobody counts them."""
        ...


@dataclass(frozen=True)
class PostgresPlace:
    """Databases of the run's server."""

    server: BenchServer

    async def fresh(self, name: str) -> str:
        """Make an empty database."""
        return await self.server.fresh(name)

    async def transactions(self, url: str) -> int | None:
        """Ask the server's statistics."""
        return await self.server.transactions(url.rpartition("/")[2])


@dataclass(frozen=True)
class SqlitePlace:
    """Files in a folder."""

    folder: Path

    async def fresh(self, name: str) -> str:
        """Name a file that is not there yet."""
        taken = len(list(self.folder.glob(f"{name}*")))
        return str(self.folder / f"{name}_{taken}.db")

    async def transactions(self, url: str) -> int | None:
        """Nobody counts them."""
        del url


@dataclass(frozen=True)
class ValkeyPlace:
    """The one database of a Valkey server: emptied for each measurement."""

    port: int

    async def fresh(self, name: str) -> str:
        """Empty it."""
        del name
        await _told(self.port, b"FLUSHALL\r\n")
        return f"redis://127.0.0.1:{self.port}/0"

    async def transactions(self, url: str) -> int | None:
        """Nobody counts them."""
        del url


@asynccontextmanager
async def valkey(program: Path, folder: Path) -> AsyncGenerator[ValkeyPlace]:
    """Run a Valkey that syncs its log to the disk once a second, as BullMQ's guide asks."""
    port = _free_port()
    words = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "")
    durable = ("--appendonly", "yes", "--appendfsync", "everysec")
    with (folder / "valkey.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program, *words, *durable, "--maxmemory-policy", "noeviction", stdout=log, stderr=log
        )
    try:
        async with asyncio.timeout(UP_WITHIN_S):
            while await _told(port, b"PING\r\n") != b"+PONG\r\n":
                await asyncio.sleep(LOOK_S)
        yield ValkeyPlace(port)
    finally:
        process.terminate()
        await process.wait()


async def _told(port: int, command: bytes) -> bytes:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return b""
    writer.write(command)
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
