"""Servers that are programs: started on a free port of loopback, awaited, ended."""

import asyncio
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

STARTS_WITHIN_S = 40


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def program(
    words: Sequence[str | Path], port: int, env: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """Run a program until the context ends, from when its port answers."""
    process = await asyncio.create_subprocess_exec(
        *map(str, words), stdout=DEVNULL, stderr=DEVNULL, env=env
    )
    try:
        await answers(port, process)
        yield process
    finally:
        await ended(process)


async def answers(port: int, process: Process) -> None:
    """Wait until somebody listens on a port, as long as the process lives."""
    async with asyncio.timeout(STARTS_WITHIN_S):
        while True:
            assert process.returncode is None, "the server ended at once"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)  # A port that opens tells nobody.
            else:
                writer.close()
                return


async def ended(process: Process) -> None:
    """End a process at once, if it has not ended by itself."""
    if process.returncode is None:
        process.kill()
    await process.wait()
