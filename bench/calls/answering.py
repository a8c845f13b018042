"""The servers that answer calls, in a process of their own: `python -m bench.calls.answering`.

They do the least that HTTP and SMTP allow, so that one core of them outruns any client here. What
is sent to the path `/far` is answered after 20 ms, as by a server in another town. The ports are
told as JSON on standard output; the end of standard input ends the process.
"""

import asyncio
import json
import sys
from typing import cast

from bench.calls import FAR_S

_CONTENT = b'{"id":"ord_4711","state":"accepted","amount":1250,"currency":"EUR","lines":[1,2,3]}'
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: r-1\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_CONTENT), _CONTENT)
)


class Http(asyncio.Protocol):
    """Answers every request with the same order."""

    def __init__(self) -> None:
        """Wait for a first request."""
        self._read = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to answer by."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer whatever has arrived whole."""
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            whole = end + 4 + _length(self._read[:end])
            if len(self._read) < whole:
                return
            far = self._read.startswith(b"POST /far")
            del self._read[:whole]
            if far:
                asyncio.get_running_loop().call_later(FAR_S, self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_ANSWER)


def _length(head: bytearray) -> int:
    """Return how many bytes follow a head; chunks are not spoken here."""
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


class Smtp(asyncio.Protocol):
    """Takes every mail and drops it."""

    def __init__(self) -> None:
        """Wait for a first word."""
        self._read = bytearray()
        self._in_mail = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 bench ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer each line, or the end of a mail."""
        self._read += data
        assert self._transport is not None
        while (end := self._read.find(ending := self._ending())) >= 0:
            line = bytes(self._read[:end])
            del self._read[: end + len(ending)]
            self._transport.write(self._answer(line[:4].upper()))

    def _ending(self) -> bytes:
        return b"\r\n.\r\n" if self._in_mail else b"\r\n"

    def _answer(self, word: bytes) -> bytes:
        if self._in_mail:
            self._in_mail = False
            return b"250 taken\r\n"
        match word:
            case b"EHLO":
                return b"250-bench\r\n250 8BITMIME\r\n"
            case b"DATA":
                self._in_mail = True
                return b"354 go on\r\n"
            case b"QUIT":
                return b"221 bye\r\n"
            case _:
                return b"250 ok\r\n"


async def main() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    ports: dict[str, int] = {}
    for name, protocol in (("http", Http), ("smtp", Smtp)):
        server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=1_024)
        ports[name] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
