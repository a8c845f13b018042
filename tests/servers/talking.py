"""Servers that are none of what they are taken for: silent, babbling, endless, gone at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

CHUNK = 65_536


@dataclass
class Talking:
    """One that runs, and who is connected to it."""

    port: int = 0
    talks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    """One for each connection that is open."""

    async def left(self) -> None:
        """Wait until nobody is connected any more."""
        async with asyncio.timeout(1):
            while self.talks:
                await asyncio.wait(self.talks)
                await asyncio.sleep(0)  # The task that has ended is taken out next.


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[Talking]:
    """Run a server that says what it likes to whoever connects."""
    running = Talking()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_talked(talk, reader, writer))
        running.talks.add(task)
        task.add_done_callback(running.talks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
        for one in list(running.talks):
            one.cancel()
        await asyncio.gather(*running.talks, return_exceptions=True)


async def _talked(talk: Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            await talk(reader, writer)
    finally:
        writer.transport.abort()


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Listen, and never say a word."""
    while await reader.read(CHUNK):
        pass


def saying(words: bytes) -> Talk:
    """Say the same to everybody, and then listen."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await silent(reader, writer)

    return say


def endless(first: bytes) -> Talk:
    """Begin an answer, and go on for ever."""

    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(b"x" * CHUNK)
            await writer.drain()

    return say


async def hanging_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Be gone before a word is said."""
    writer.transport.abort()
