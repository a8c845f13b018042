"""Files in a folder or a bucket, and files of this host; content comes and goes in pieces."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

from msgspec import Struct

from ductape.domain.definitions.storage import StorageTarget

Chunks = AsyncIterator[bytes]


class Blob(Struct, frozen=True):
    """What is known of one stored file."""

    size: int
    """Bytes."""
    etag: str | None = None
    """The backend's mark of this content, without quotes."""
    mime: str | None = None
    modified_ms: int | None = None


class Listed(Struct, frozen=True):
    """One file of a listing."""

    name: str
    """Whole, the prefix included."""
    blob: Blob


class Page(Struct, frozen=True):
    """Some files in the order of their names."""

    files: tuple[Listed, ...]
    more: bool
    """Whether others follow."""


class Fetched(Struct, frozen=True):
    """A stored file with its content."""

    blob: Blob
    content: bytes


class Blobs(Protocol):
    """Keeps files under whole names, which have been checked.

    Every method raises `ProviderError` with a code of SPEC 12; errors name the storage's host or
    type and the file, never a credential, a signature or a folder of this host.
    """

    async def put(
        self, place: StorageTarget, name: str, chunks: Chunks, mime: str, *, timeout_ms: int
    ) -> Blob:
        """Store a file whole or not at all, over one that has its name; return what is there."""
        ...

    async def get(
        self, place: StorageTarget, name: str, *, most_bytes: int, timeout_ms: int
    ) -> Fetched:
        """Read a file; raises `ResultTooLarge` beyond `most_bytes`."""
        ...

    async def delete(self, place: StorageTarget, name: str, *, timeout_ms: int) -> None:
        """Remove a file; one that is not there is removed already."""
        ...

    async def find(self, place: StorageTarget, name: str, *, timeout_ms: int) -> Blob | None:
        """Return what is known of a file; none if it is not there."""
        ...

    async def page(
        self, place: StorageTarget, folder: str, after: str, most: int, *, timeout_ms: int
    ) -> Page:
        """Return at most `most` files of a folder and those below it, after a name."""
        ...

    async def sign(
        self, place: StorageTarget, name: str, method: Literal["GET", "PUT"], expiry_ms: int
    ) -> str:
        """Return a URL that lets its bearer read or write one file for a while."""
        ...

    def url(self, place: StorageTarget, name: str) -> str:
        """Return where a file is: an address, not a permission."""
        ...


class LocalFiles(Protocol):
    """Files of this host that definitions and callers may name."""

    def opened(self, path: str) -> AbstractAsyncContextManager[Chunks]:
        """Open a file below one of the operator's roots; links below a root are not followed.

        Raises `ProviderError` with `FORBIDDEN` or `NOT_FOUND`.
        """
        ...
