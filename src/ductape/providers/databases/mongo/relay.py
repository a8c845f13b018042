"""A way to one server that checks each address, and speaks TLS under its own name, for pymongo.

pymongo looks names up by itself and asks for the certificate of what it was given. So it is given a
socket in a folder that is ours alone; what comes there goes on, guarded, to the server.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Literal
from urllib.parse import quote

from ductape.domain.egress import Destination
from ductape.errors import ProviderError
from ductape.providers.databases.mongo.folder import Folder
from ductape.providers.databases.tls import context_for
from ductape.providers.http import Guard, connect

_CHUNK = 65_536
_FAREWELL_S = 1.0
"""How long a side may take to read its last bytes."""


class Relay:
    """A listening socket, and what goes through it."""

    def __init__(
        self, guard: Guard, wanted: Destination, tls: Literal["off", "require", "verify"] | None
    ) -> None:
        """Listen at nothing yet."""
        self._guard = guard
        self._wanted = wanted
        self._tls = context_for(tls, wanted.host)
        self._folder: Folder | None = None
        self._server: asyncio.Server | None = None
        self._staying = asyncio.Lock()
        self._under_way: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> str:
        """Listen; return the path, quoted as a host is in a URL.

        Raises `ProviderError` where the server cannot be reached, or is not who it should be.
        """
        _, writer = await self._reached()
        await _ended(writer)
        self._folder = Folder()
        path = self._folder.socket
        self._server = await asyncio.start_unix_server(self._met, path)
        return quote(str(path), safe="")

    async def stay(self) -> None:
        """Come back where somebody has cleared the socket away, as cleaners of /tmp do.

        What goes through it meanwhile goes on. Raises `OSError` where its place is somebody else's.
        """
        if self._is_there():
            return
        async with self._staying:
            folder, server = self._folder, self._server
            if folder is None or server is None or self._is_there():
                return
            folder.make_again()
            self._server = await asyncio.start_unix_server(self._met, folder.socket)
            server.close()

    async def aclose(self) -> None:
        """Stop, and cut off what is under way."""
        async with self._staying:
            folder, self._folder = self._folder, None
            if self._server is not None:
                self._server.close()
        for writer in self._open:
            writer.transport.abort()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if folder is not None:
            folder.remove()

    def _is_there(self) -> bool:
        return self._folder is not None and self._folder.socket.exists()

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever asked sees the end of the connection, which is all that there is to tell.
        with suppress(ProviderError, OSError):
            async with self._until_the_end(writer):
                await self._joined(reader, writer)

    @asynccontextmanager
    async def _until_the_end(self, writer: asyncio.StreamWriter) -> AsyncGenerator[None]:
        """Have a side cut off when all is closed, and closed here at the latest."""
        self._open.add(writer)
        try:
            yield
        finally:
            await _ended(writer)
            self._open.discard(writer)

    async def _reached(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        made = await connect(self._guard, self._wanted)
        name = None if self._tls is None else self._wanted.host
        try:
            return await asyncio.open_connection(sock=made, ssl=self._tls, server_hostname=name)
        except OSError as error:
            made.close()
            where = f"{self._wanted.host}:{self._wanted.port}"
            reason = str(getattr(error, "verify_message", "")) or type(error).__name__
            raise ProviderError("CONNECTION_ERROR", f"no TLS with {where}: {reason}") from error
        except BaseException:
            made.close()
            raise

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await self._reached()
        async with self._until_the_end(requests):
            ways = [
                asyncio.ensure_future(_carried(reader, requests)),
                asyncio.ensure_future(_carried(answers, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)


async def _ended(writer: asyncio.StreamWriter) -> None:
    """Close a side, whatever the other one thinks of it; what it does not read is given up."""
    writer.close()
    try:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await writer.wait_closed()
    finally:
        writer.transport.abort()


async def _carried(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while some := await source.read(_CHUNK):
        sink.write(some)
        await sink.drain()
