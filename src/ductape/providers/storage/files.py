"""Files of this host that a caller names, read in pieces; only below the operator's roots."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import BinaryIO

from ductape.ports.blobs import Chunks
from ductape.ports.threads import Threads
from ductape.providers.storage.confined import Roots, folder, plain_file
from ductape.providers.storage.local import CHUNK_BYTES, told


class ConfinedFiles:
    """`ports.blobs.LocalFiles`."""

    def __init__(self, roots: Roots, threads: Threads) -> None:
        """Stay below the roots; block in threads."""
        self._roots = roots
        self._threads = threads

    @asynccontextmanager
    async def opened(self, path: str) -> AsyncGenerator[Chunks]:
        """Open a file for reading."""
        with told():
            file = await self._threads.run(partial(_open, self._roots, path))
        try:
            yield self._chunks(file)
        finally:
            await self._threads.run(file.close)

    async def _chunks(self, file: BinaryIO) -> AsyncIterator[bytes]:
        while chunk := await self._threads.run(partial(file.read, CHUNK_BYTES)):
            yield chunk


def _open(roots: Roots, path: str) -> BinaryIO:
    root, way = roots.parts(path)
    *above, last = way or (".",)
    with folder(root, above) as parent:
        return open(plain_file(roots, parent, last), "rb")  # noqa: PTH123 (already open)
