"""The way out for a library that opens its own sockets: a guarded proxy of our own (SPEC 18).

It listens on loopback and lets through who has a ticket, for each bucket one. Every connection,
also to a token endpoint or where a redirect leads, is made by the guard: the address that was
checked is the one that is connected to. TLS goes through it untouched; plain HTTP is passed on
one request for each connection. An answer without an end is cut off.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Mapping
from hmac import compare_digest
from urllib.parse import urlsplit

from ductape.domain.egress import Destination, EgressPolicy
from ductape.errors import ProviderError
from ductape.ports.entropy import Entropy
from ductape.providers.http import Guard, connect
from ductape.providers.storage.exchange import Exchange, Seen

LONGEST_HEAD = 65_536
HEAD_WITHIN_S = 10.0
PIECE = 65_536


class Ticket:
    """One bucket's right to go through, and what was seen of it there."""

    def __init__(self, user: str, password: str, *, asks_private: bool) -> None:
        """Name the bearer."""
        self.authorization = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
        self.credentials = f"{user}:{password}"
        self.asks_private = asks_private
        self.seen = Seen()


class Tunnel:
    """A guarded forward proxy for this process; starts when it is first needed."""

    def __init__(self, policy: EgressPolicy, entropy: Entropy) -> None:
        """Take the operator's policy."""
        self._guard = Guard(policy)
        self._entropy = entropy
        self._tickets: dict[str, Ticket] = {}
        self._server: asyncio.Server | None = None
        self._starting = asyncio.Lock()
        self._under_way: set[asyncio.Task[None]] = set()

    def ticket(self, *, asks_private: bool) -> Ticket:
        """Give out a ticket."""
        user, password = self._entropy.token(8).hex(), self._entropy.token(24).hex()
        made = Ticket(user, password, asks_private=asks_private)
        self._tickets[made.authorization] = made
        return made

    def withdraw(self, ticket: Ticket) -> None:
        """Take a ticket back."""
        self._tickets.pop(ticket.authorization, None)

    async def url(self, ticket: Ticket) -> str:
        """Return the proxy's URL for a ticket's bearer."""
        async with self._starting:
            if self._server is None:
                self._server = await asyncio.start_server(
                    self._met, "127.0.0.1", 0, limit=LONGEST_HEAD
                )
        port = self._server.sockets[0].getsockname()[1]
        return f"http://{ticket.credentials}@127.0.0.1:{port}"

    async def aclose(self) -> None:
        """Close it with every connection; a second call is harmless."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        under_way = [*self._under_way]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        if server is not None:
            await server.wait_closed()

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._served(reader, writer))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError, ProviderError):
            pass  # A side went away, talks nonsense or without an end: the library sees that.
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_WITHIN_S):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = _headers(lines)
        ticket = self._bearer(headers.get("proxy-authorization", ""))
        if ticket is None:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        method, target, _ = line.split(" ", 2)
        try:
            out_reader, out_writer = await self._out(ticket, method, target)
        except ProviderError as error:
            ticket.seen.failure = error
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        ticket.seen.failure = None
        exchange = Exchange(ticket.seen, readable=method != "CONNECT")
        try:
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                out_writer.write(_passed_on(method, target, lines).encode("latin-1"))
            await _joined(reader, out_writer, out_reader, writer, exchange)
        finally:
            out_writer.close()

    def _bearer(self, authorization: str) -> Ticket | None:
        given = authorization.encode("latin-1")
        for known, ticket in self._tickets.items():
            if compare_digest(known.encode(), given):
                return ticket
        return None

    async def _out(
        self, ticket: Ticket, method: str, target: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        made = await connect(self._guard, _destination(ticket, method, target))
        return await asyncio.open_connection(sock=made, limit=PIECE)


def _headers(lines: list[str]) -> Mapping[str, str]:
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _destination(ticket: Ticket, method: str, target: str) -> Destination:
    try:
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        host, port = parts.hostname, parts.port
        usable = bool(host) and (method == "CONNECT" or parts.scheme == "http")
    except ValueError:
        usable, host, port = False, None, None
    if not usable or host is None:
        raise ProviderError("VALIDATION_ERROR", "the endpoint is no URL that can be used")
    return Destination(host, 80 if port is None else port, ticket.asks_private)


def _passed_on(method: str, target: str, lines: list[str]) -> str:
    """Write a request's head as the server itself takes it, and ask for one answer only."""
    parts = urlsplit(target)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    kept = [
        line
        for line in lines
        if not line.lower().startswith(("proxy-", "connection:", "keep-alive:"))
    ]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""])


async def _joined(
    reader: asyncio.StreamReader,
    out_writer: asyncio.StreamWriter,
    out_reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    exchange: Exchange,
) -> None:
    """Pass everything on both ways until the server has said all, or a side has gone."""
    sending = asyncio.ensure_future(_pumped(reader, out_writer, exchange.asked))
    try:
        await _pumped(out_reader, writer, exchange.answered)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _pumped(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, look: Callable[[bytes], None]
) -> None:
    while piece := await source.read(PIECE):
        look(piece)
        sink.write(piece)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()
