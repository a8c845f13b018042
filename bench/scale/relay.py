"""A relay that counts round trips: how often a client has spoken after the server had answered.

It stands outside of driver and store, so that it counts the same whatever they do: statements sent
together are one round trip, and so is each answer that is waited for.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

CHUNK = 65_536
HOST = "127.0.0.1"


@dataclass
class Trips:
    """Round trips, by connection in the order in which they were opened."""

    of_each: list[int] = field(default_factory=list[int])

    @property
    def total(self) -> int:
        """Return how many there were on all connections."""
        return sum(self.of_each)


@dataclass
class _Talk:
    """Whose turn it is on one connection."""

    number: int
    answered: bool = True


@asynccontextmanager
async def counted(url: str) -> AsyncGenerator[tuple[str, Trips]]:
    """Relay to a server; give the URL that goes through it, and the count."""
    port = urlsplit(url).port
    assert port is not None
    trips = Trips()
    carrying: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = _Talk(len(trips.of_each))
        trips.of_each.append(0)
        task = asyncio.create_task(_carry(reader, writer, port, trips, talk))
        carrying.add(task)
        task.add_done_callback(carrying.discard)

    listening = await asyncio.start_server(connected, HOST, 0)
    own_port: int = listening.sockets[0].getsockname()[1]
    try:
        yield _at(url, own_port), trips
    finally:
        listening.close()
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)


async def _carry(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    port: int,
    trips: Trips,
    talk: _Talk,
) -> None:
    server_reader, server_writer = await asyncio.open_connection(HOST, port)

    def asked() -> None:
        trips.of_each[talk.number] += talk.answered
        talk.answered = False

    def answered() -> None:
        talk.answered = True

    async with asyncio.TaskGroup() as both:
        both.create_task(_pump(reader, server_writer, asked))
        both.create_task(_pump(server_reader, writer, answered))


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passing: Callable[[], None]
) -> None:
    try:
        while data := await reader.read(CHUNK):
            passing()
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return  # whoever has left needs no more of it
    finally:
        writer.close()


def _at(url: str, port: int) -> str:
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@{HOST}:{port}"))
