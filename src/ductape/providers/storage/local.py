"""Files in a folder of this host: whole or not at all, and never outside of it.

A file is written beside its place under a name of ours, forced to the disk, and then moved over
what was there. Its etag changes with every writing. Instants are epoch milliseconds.
"""

import asyncio
import errno
import heapq
import os
import stat
from asyncio import timeout
from base64 import b16encode
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from ductape.domain.definitions.storage import StorageTarget
from ductape.domain.files.mime import SNIFFED_BYTES, guess_mime
from ductape.domain.files.names import OURS
from ductape.errors import ProviderError, ResultTooLarge
from ductape.ports.blobs import Blob, Chunks, Fetched, Listed, Page
from ductape.ports.entropy import Entropy
from ductape.ports.threads import Threads
from ductape.providers.storage.confined import Roots, folder, plain_file, refuse_store

CHUNK_BYTES = 1_048_576
DEEPEST = 128
"""Folders inside one another that a listing looks into."""

T = TypeVar("T")

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE = 0o640
_CODES = {
    errno.ENOENT: "NOT_FOUND",
    errno.EACCES: "FORBIDDEN",
    errno.EPERM: "FORBIDDEN",
    errno.EROFS: "FORBIDDEN",
    errno.ENOSPC: "SERVICE_UNAVAILABLE",
    errno.EDQUOT: "SERVICE_UNAVAILABLE",
    errno.ENAMETOOLONG: "VALIDATION_ERROR",
    errno.EISDIR: "VALIDATION_ERROR",
    errno.ENOTDIR: "VALIDATION_ERROR",
}


class LocalBlobs:
    """`ports.blobs.Blobs` for folders."""

    def __init__(self, roots: Roots, threads: Threads, entropy: Entropy) -> None:
        """Stay below the roots; block in threads."""
        self._roots = roots
        self._threads = threads
        self._entropy = entropy

    async def put(
        self, place: StorageTarget, name: str, chunks: Chunks, mime: str, *, timeout_ms: int
    ) -> Blob:
        """Store a file whole or not at all."""
        del mime  # A folder keeps none: it is told by the content again.
        temporary = OURS + b16encode(self._entropy.token(8)).decode().lower()
        async with _in_time(timeout_ms), self._parent(place, name, make=True) as (parent, last):
            await self._run(partial(refuse_store, self._roots, parent, last))
            with told():
                make = partial(os.open, temporary, _NEW, _MODE, dir_fd=parent)
                made = await self._threads.run(make)
            try:
                async for chunk in chunks:
                    await self._run(partial(_write, made, chunk))
                return await self._run(partial(_publish, made, temporary, last, parent))
            finally:
                await self._threads.run(partial(_put_away, made, temporary, parent))

    async def get(
        self, place: StorageTarget, name: str, *, most_bytes: int, timeout_ms: int
    ) -> Fetched:
        """Read a file."""
        async with _in_time(timeout_ms), self._parent(place, name) as (parent, last):
            return await self._run(partial(_read, self._roots, parent, last, most_bytes))

    async def delete(self, place: StorageTarget, name: str, *, timeout_ms: int) -> None:
        """Remove a file, or a link that has its name."""
        try:
            async with _in_time(timeout_ms), self._parent(place, name) as (parent, last):
                await self._run(partial(refuse_store, self._roots, parent, last))
                await self._run(partial(_remove, last, parent))
        except ProviderError as error:
            if error.code != "NOT_FOUND":
                raise

    async def find(self, place: StorageTarget, name: str, *, timeout_ms: int) -> Blob | None:
        """Return what is known of a file."""
        try:
            async with _in_time(timeout_ms), self._parent(place, name) as (parent, last):
                return await self._run(partial(_look, self._roots, parent, last))
        except ProviderError as error:
            if error.code != "NOT_FOUND":
                raise
            return None

    async def page(
        self, place: StorageTarget, folder: str, after: str, most: int, *, timeout_ms: int
    ) -> Page:
        """Return files in the order of their names."""
        way = tuple(folder.split("/")) if folder else ()
        try:
            async with _in_time(timeout_ms):
                return await self._run(partial(_page, self._roots, place.path, way, after, most))
        except ProviderError as error:
            if error.code != "NOT_FOUND":
                raise
            return Page((), more=False)

    async def sign(
        self,
        place: StorageTarget,  # noqa: ARG002 (as the port has it)
        name: str,  # noqa: ARG002 (as above)
        method: Literal["GET", "PUT"],  # noqa: ARG002 (as above)
        expiry_ms: int,  # noqa: ARG002 (as above)
    ) -> str:
        """Refuse: nobody could check a signature."""
        raise ProviderError("VALIDATION_ERROR", "a folder has no signed URLs")

    def url(self, place: StorageTarget, name: str) -> str:
        """Return the file's URL on this host."""
        return Path(os.path.abspath(place.path), name).as_uri()  # noqa: PTH100 (links stay)

    @asynccontextmanager
    async def _parent(
        self, place: StorageTarget, name: str, *, make: bool = False
    ) -> AsyncGenerator[tuple[int, str]]:
        *way, last = name.split("/")
        opened = folder_of(self._roots, place.path, tuple(way), make=make)
        try:
            yield await self._run(opened.__enter__), last
        finally:
            await self._threads.run(partial(opened.__exit__, None, None, None))

    async def _run(self, act: Callable[[], T]) -> T:
        """Act in a thread; told to stop meanwhile, stop afterwards."""
        with told():
            done = await self._threads.run(act)
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
        return done


@contextmanager
def folder_of(
    roots: Roots, path: str, way: tuple[str, ...], *, make: bool = False
) -> Generator[int]:
    """Open a folder below a storage's own."""
    root, down = roots.parts(path)
    with folder(root, (*down, *way), make=make) as opened:
        yield opened


@contextmanager
def told() -> Generator[None]:
    """Tell what the system refuses by a code, without any path of this host."""
    try:
        yield
    except OSError as error:
        code = _CODES.get(error.errno or 0, "PROVIDER_ERROR")
        if code == "NOT_FOUND":
            raise ProviderError(code, "there is no such file") from error
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise ProviderError(code, f"the folder: {reason}") from error


@asynccontextmanager
async def _in_time(timeout_ms: int) -> AsyncGenerator[None]:
    try:
        async with timeout(timeout_ms / 1_000):
            yield
    except TimeoutError as error:
        raise ProviderError("TIMEOUT", f"the folder took longer than {timeout_ms} ms") from error


def _write(made: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(made, view) :]


def _publish(made: int, temporary: str, last: str, parent: int) -> Blob:
    os.fsync(made)
    os.rename(temporary, last, src_dir_fd=parent, dst_dir_fd=parent)
    os.fsync(parent)
    return _blob(os.fstat(made))


def _put_away(made: int, temporary: str, parent: int) -> None:
    os.close(made)
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=parent)


def _remove(last: str, parent: int) -> None:
    with suppress(IsADirectoryError):  # There is no file of that name.
        os.unlink(last, dir_fd=parent)
    os.fsync(parent)


def _read(roots: Roots, parent: int, last: str, most: int) -> Fetched:
    with open(plain_file(roots, parent, last), "rb") as file:  # noqa: PTH123 (already open)
        content = file.read(most + 1)
        if len(content) > most:
            raise ResultTooLarge(f"the file has more than {most} bytes")
        mime = guess_mime(content[:SNIFFED_BYTES], last)
        return Fetched(_blob(os.fstat(file.fileno()), mime), content)


def _look(roots: Roots, parent: int, last: str) -> Blob:
    with open(plain_file(roots, parent, last), "rb") as file:  # noqa: PTH123 (already open)
        mime = guess_mime(file.read(SNIFFED_BYTES), last)
        return _blob(os.fstat(file.fileno()), mime)


def _page(roots: Roots, path: str, way: tuple[str, ...], after: str, most: int) -> Page:
    with folder_of(roots, path, way) as opened:
        found = (one for one in _walk(roots, opened, "/".join(way), DEEPEST) if one.name > after)
        files = heapq.nsmallest(most + 1, found, key=lambda one: one.name)
    return Page(tuple(files[:most]), more=len(files) > most)


def _walk(roots: Roots, opened: int, above: str, depth: int) -> Iterator[Listed]:
    with os.scandir(opened) as entries:
        for entry in entries:
            name = f"{above}/{entry.name}" if above else entry.name
            if entry.name.startswith(OURS) or roots.is_store(opened, entry.name):
                continue
            with suppress(FileNotFoundError):
                known = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(known.st_mode):
                    yield Listed(name, _blob(known))
                elif stat.S_ISDIR(known.st_mode) and depth > 0:
                    yield from _below(roots, opened, entry.name, name, depth)


def _below(roots: Roots, opened: int, own: str, name: str, depth: int) -> Iterator[Listed]:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    inner = os.open(own, flags, dir_fd=opened)
    try:
        yield from _walk(roots, inner, name, depth - 1)
    finally:
        os.close(inner)


def _blob(known: os.stat_result, mime: str | None = None) -> Blob:
    etag = f"{known.st_mtime_ns:x}-{known.st_ino:x}-{known.st_size:x}"
    return Blob(known.st_size, etag, mime, known.st_mtime_ns // 1_000_000)
