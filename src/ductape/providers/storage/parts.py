"""An upload's content, cut into parts of one size, with a memory of what went wrong with it."""

from collections.abc import AsyncGenerator, Awaitable, Callable

from ductape.errors import DuctapeError
from ductape.ports.blobs import Chunks

PART_BYTES = 8 * 1024 * 1024


class Source:
    """An upload's content, cut into parts; remembers what went wrong with it."""

    def __init__(self, chunks: Chunks) -> None:
        """Read the chunks once."""
        self._chunks = chunks
        self._rest = bytearray()
        self.ended = False
        self.failure: Exception | None = None
        self.before_each: Callable[[], Awaitable[None]] | None = None
        """What is to be done before each further part, as to renew a token."""

    async def part(self) -> bytes:
        """Return the next part, shorter than `PART_BYTES` only at the end."""
        async for chunk in self._chunks:
            self._rest += chunk
            if len(self._rest) >= PART_BYTES:
                part = bytes(self._rest[:PART_BYTES])
                del self._rest[:PART_BYTES]
                return part
        self.ended = True
        part, self._rest = bytes(self._rest), bytearray()
        return part

    async def parts(self, first: bytes) -> AsyncGenerator[bytes]:
        """Yield all parts."""
        yield first
        try:
            while not self.ended:
                if self.before_each is not None:
                    await self.before_each()
                yield await self.part()
        except DuctapeError as error:
            self.failure = error
            raise
