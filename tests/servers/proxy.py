"""A bad line between the processes and the server: it cuts, drops, delays and half-closes.

It knows nothing of what it carries. Whoever connects to its port is connected to the server's. It
can stand before a server that has no TLS itself.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

CHUNK = 65_536
HOST = "127.0.0.1"
NOBODYS = 1
"""A port at which nobody answers."""


@dataclass(eq=False)
class Line:
    """One connection, in two halves."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    deaf: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])
    """Who gets nothing any more, not even the end."""

    def abort(self) -> None:
        """Cut it off, without a farewell to either side."""
        for writer in (self.client, self.server):
            with suppress(AttributeError):  # Python 3.11.2 of a TLS line that is gone already
                writer.transport.abort()


@dataclass
class Befalls:
    """What happens to the server, and when."""

    asked: int
    what: Callable[[], Awaitable[None]]
    answered: bool
    line: Line | None = None
    """Whose answer is waited for."""


class Proxy:
    """Listens on a free port of loopback."""

    def __init__(
        self,
        server_port: int,
        *,
        tls: ssl.SSLContext | None = None,
        edit: Callable[[bytes], bytes] = bytes,
    ) -> None:
        """Carry to a server's port; `edit` may change what it answers, `tls` ends here."""
        self._server_port = self._away = server_port
        self._tls = tls
        self.edit = edit
        self._lines: list[Line] = []
        self._carrying: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.held = asyncio.Event()
        """Set where somebody has asked while nothing is carried."""
        self._delay_s = 0.0
        self._cut_at: int | None = None
        self._befalls: Befalls | None = None
        self.asked = 0
        """How many pieces of questions were carried to the server."""
        self._listening: asyncio.Server | None = None
        self.port = 0

    async def open(self) -> None:
        """Begin to listen."""
        self._listening = await asyncio.start_server(self._connected, HOST, 0, ssl=self._tls)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        """Cut everything off and listen no more."""
        if self._listening is not None:
            self._listening.close()
            await self._listening.wait_closed()
        self.cut()
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    def cut(self) -> None:
        """Cut every connection; new ones are carried."""
        for line in self._lines:
            line.abort()

    def give_up(self) -> None:
        """Cut every connection and carry no new one, as if the server were gone."""
        self._away, self._server_port = self._server_port, NOBODYS
        self.cut()

    def come_back(self) -> None:
        """Carry again, after `give_up`, and let nothing more befall anybody."""
        self._server_port, self._befalls = self._away, None

    def cut_at(self, asked: int) -> None:
        """Cut every connection as soon as so many pieces of questions have come from now on."""
        self.asked, self._cut_at = 0, asked

    async def deserted(self) -> None:
        """Wait until nobody is connected any more."""
        async with asyncio.timeout(2):
            while self._lines:
                await asyncio.wait(self._carrying)
                await asyncio.sleep(0)  # What has ended is taken out next.

    def befall(self, asked: int, what: Callable[[], Awaitable[None]], *, answered: bool) -> None:
        """Have something happen at so many pieces of questions from now on.

        It happens before that one arrives; or once it is `answered`, and then all lines are cut, so
        that nobody hears the answer.
        """
        self.asked, self._befalls = 0, Befalls(asked, what, answered)

    def swallow_answers(self) -> None:
        """Let every question through, and no answer: whoever asked will never know."""
        for line in self._lines:
            line.deaf.add(line.client)

    def pause(self) -> None:
        """Take whatever is sent, on old lines and new ones, and carry nothing until `resume`."""
        self.held.clear()
        self._flows.clear()

    def resume(self) -> None:
        """Carry again what was taken meanwhile."""
        self._flows.set()

    async def drop(self, span_s: float) -> None:
        """Let nothing through for a while, then cut: what was on its way is lost."""
        self._flows.clear()
        await asyncio.sleep(span_s)
        self.cut()
        self._flows.set()

    async def delay(self, by_s: float, span_s: float) -> None:
        """Make everything late for a while."""
        self._delay_s = by_s
        await asyncio.sleep(span_s)
        self._delay_s = 0.0

    async def half_close(self, span_s: float) -> None:
        """Tell one side of each connection that it is over, and not the other; later cut both."""
        lines = list(self._lines)
        for at, line in enumerate(lines):
            told, untold = (line.client, line.server)[:: 1 if at % 2 else -1]
            line.deaf |= {told, untold}
            if not told.is_closing():
                told.write_eof()
        await asyncio.sleep(span_s)
        for line in lines:
            line.abort()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(HOST, self._server_port)
        except OSError:
            writer.transport.abort()
            return
        line = Line(writer, server_writer)
        self._lines.append(line)
        try:
            await asyncio.gather(
                self._pump(reader, server_writer, line), self._pump(server_reader, writer, line)
            )
        except OSError:
            pass  # one side is gone: so is the connection
        finally:
            line.abort()
            self._lines.remove(line)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: Line
    ) -> None:
        while data := await reader.read(CHUNK):
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            if not self._flows.is_set() and writer is line.server:
                self.held.set()
            await self._flows.wait()
            if writer is line.server and self._is_cut():
                self.cut()
                return
            if self._befalls is not None and await self._befallen(self._befalls, writer, line):
                self.cut()
                return
            if writer not in line.deaf:
                writer.write(self.edit(data) if writer is line.client else data)
                await writer.drain()
        if writer not in line.deaf:
            writer.close()

    async def _befallen(self, befalls: Befalls, writer: asyncio.StreamWriter, line: Line) -> bool:
        """Let happen what is to happen now; tell whether the lines are to be cut."""
        if writer is line.client and befalls.line is line:
            self._befalls = None
            await befalls.what()
            return True
        if writer is line.server and self.asked == befalls.asked:
            if befalls.answered:
                befalls.line = line
            else:
                self._befalls = None
                await befalls.what()
        return False

    def _is_cut(self) -> bool:
        """Count a piece of a question."""
        self.asked += 1
        return self.asked == self._cut_at
