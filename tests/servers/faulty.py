"""A server on loopback for each thing that one may do wrong, over HTTP or over any other protocol.

It counts what it sent and who is still connected, so that a test can tell a connection that was
left behind, and an answer that somebody tried to read to an end that it does not have.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp.test_utils import unused_port

Act = Callable[["Talk"], Awaitable[None]]
"""What a server does with whoever connects."""

WAIT_S = 3_600
"""What its `Retry-After` asks for."""
PIECE = 65_536
DRIP_S = 0.02

_HEAD = "HTTP/1.1 {status} {reason}\r\nContent-Type: {mime}\r\n{more}\r\n"
_LENGTH = b"content-length:"


@dataclass
class FaultyServer:
    """One that does one thing wrong."""

    act: Act
    port: int = 0
    met: int = 0
    """How many have connected."""
    sent: int = 0
    """Bytes."""
    talks: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])
    """Those that are still going on."""

    async def all_gone(self) -> None:
        """Wait until whoever connected has hung up, or was hung up on."""
        while self.talks:
            await asyncio.wait(self.talks)

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Do the wrong thing until it is done, or the other side has gone."""
        self.met += 1
        task = asyncio.ensure_future(self._talked(Talk(self, reader, writer)))
        self.talks.add(task)
        task.add_done_callback(self.talks.discard)

    async def _talked(self, talk: "Talk") -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self.act(talk)
        finally:
            talk.writer.transport.abort()


@dataclass
class Talk:
    """One connection."""

    server: FaultyServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, said: bytes) -> None:
        """Send, as fast as it is read."""
        self.writer.write(said)
        await self.writer.drain()
        self.server.sent += len(said)

    async def heard(self) -> bytes:
        """Read one HTTP request, as far as its length is told; return all of it."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        told = next((one.removeprefix(_LENGTH) for one in lines if one.startswith(_LENGTH)), b"0")
        return head + await self.reader.readexactly(int(told))

    async def until_gone(self) -> None:
        """Say nothing more, and wait for the other side to go."""
        while await self.reader.read(PIECE):
            pass


async def silent(talk: Talk) -> None:
    """Take whatever is said, and say nothing."""
    await talk.until_gone()


async def nonsense(talk: Talk) -> None:
    """Say what no protocol says, then nothing."""
    await talk.say(b"\x00\xff\x13 nobody speaks so \r\n" * 50)
    await talk.until_gone()


async def hung_up(talk: Talk) -> None:
    """Say nothing and hang up."""
    talk.writer.transport.abort()


def http_answer(status: int, *, mime: str, body: bytes, **headers: str) -> Act:
    """Answer every request so, and quote it: who asked may have said what is nobody's business."""

    async def act(talk: Talk) -> None:
        while True:
            whole = body + await talk.heard()
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            await talk.say(_head(status, mime, {**named, "Content-Length": str(len(whole))}))
            await talk.say(whole)

    return act


async def dripping(talk: Talk) -> None:
    """Begin an answer, and go on with a byte now and then for ever: it is never quite silent."""
    await talk.heard()
    await talk.say(_head(200, "application/json", {"Content-Length": "100000", **_OF_A_FILE}))
    while True:
        await talk.say(b" ")
        await asyncio.sleep(DRIP_S)


async def dripping_head(talk: Talk) -> None:
    """Begin a header that has no end, a byte now and then."""
    await talk.heard()
    await talk.say(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        await talk.say(b"x")
        await asyncio.sleep(DRIP_S)


async def cut(talk: Talk) -> None:
    """Answer half of what was promised and hang up, also on who asks for the rest."""
    if b"\r\nrange:" not in (await talk.heard()).lower():
        await talk.say(_head(200, "application/json", {"Content-Length": "1000", **_OF_A_FILE}))
        await talk.say(b'{"begun": ')


async def cut_head(talk: Talk) -> None:
    """Hang up in the middle of the headers."""
    await talk.heard()
    await talk.say(b"HTTP/1.1 200 OK\r\nContent-Le")


def endless(status: int, mime: str) -> Act:
    """Give an answer that has no end."""

    async def act(talk: Talk) -> None:
        await talk.heard()
        await talk.say(_head(status, mime, {"Transfer-Encoding": "chunked", **_OF_A_FILE}))
        while True:
            await talk.say(b"%x\r\n" % PIECE + b"<a>" + b"x" * (PIECE - 3) + b"\r\n")

    return act


async def endless_head(talk: Talk) -> None:
    """Give headers without an end."""
    await talk.heard()
    await talk.say(b"HTTP/1.1 200 OK\r\n")
    while True:
        await talk.say(b"X-More: " + b"x" * 4_000 + b"\r\n")


def saying(beginning: bytes, piece: bytes = b"", *, every_s: float = 0.0) -> Act:
    """Begin in some protocol's own way, and go on with the same piece for ever, fast or slowly."""

    async def act(talk: Talk) -> None:
        await talk.say(beginning)
        while piece:
            await talk.say(piece)
            await asyncio.sleep(every_s)
        await talk.until_gone()

    return act


def between(port: int, mark: bytes, instead: bytes | None = None) -> Act:
    """Stand before a real server, and break its answer off in the middle of a mark.

    Then hang up, or go on with something else `instead`.
    """

    async def act(talk: Talk) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        asking = asyncio.ensure_future(_carried(talk.reader, writer))
        asking.add_done_callback(lambda _: writer.close())
        try:
            while piece := await reader.read(PIECE):
                before, found, _ = piece.partition(mark)
                await talk.say(before + mark[: len(mark) // 2] if found else piece)
                if found and instead is not None:
                    await talk.say(instead)
                    await asking
                if found:
                    return
        finally:
            asking.cancel()
            writer.transport.abort()
            await asyncio.gather(asking, return_exceptions=True)

    return act


async def _carried(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while piece := await source.read(PIECE):
        sink.write(piece)
        await sink.drain()


_OF_A_FILE = {"ETag": '"1"', "Last-Modified": "Fri, 27 Nov 2026 10:00:00 GMT"}
"""What a bucket's library looks for before it reads a body."""


def _head(status: int, mime: str, headers: Mapping[str, str]) -> bytes:
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return _HEAD.format(status=status, reason="So", mime=mime, more=more).encode()


@asynccontextmanager
async def faulty_servers(
    acts: Mapping[str, Act], tls: ssl.SSLContext | None = None
) -> AsyncGenerator[dict[str, FaultyServer]]:
    """Run one for each name, each on a free port."""
    servers: dict[str, FaultyServer] = {}
    async with AsyncExitStack() as stack:
        for name, act in acts.items():
            server = servers[name] = FaultyServer(act)
            listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
            await stack.enter_async_context(listening)
            server.port = listening.sockets[0].getsockname()[1]
        try:
            yield servers
        finally:
            talks = [talk for server in servers.values() for talk in server.talks]
            for talk in talks:
                talk.cancel()
            await asyncio.gather(*talks, return_exceptions=True)


def nobody() -> int:
    """Return a port that nothing listens on."""
    return unused_port()
