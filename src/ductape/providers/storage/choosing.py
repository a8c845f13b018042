"""Folders and buckets behind one port: a definition's type says which of them is meant."""

from typing import Literal

from ductape.domain.definitions.storage import StorageTarget
from ductape.errors import ConfigError
from ductape.ports.blobs import Blob, Blobs, Chunks, Fetched, Page
from ductape.ports.clock import Clock
from ductape.ports.tokens import Tokens
from ductape.providers.storage.local import LocalBlobs
from ductape.providers.storage.tunnel import Tunnel


class StoredFiles:
    """`ports.blobs.Blobs` for every type; what buckets need is loaded with the first of them."""

    def __init__(
        self,
        folders: LocalBlobs,
        tunnel: Tunnel,
        tokens: Tokens,
        clock: Clock,
        *,
        trusted: bytes | None = None,
    ) -> None:
        """Take the way out, what gets tokens, and certificates to trust as well, as PEM."""
        self._folders = folders
        self._tunnel = tunnel
        self._tokens = tokens
        self._clock = clock
        self._trusted = trusted
        self._buckets: Blobs | None = None

    async def put(
        self, place: StorageTarget, name: str, chunks: Chunks, mime: str, *, timeout_ms: int
    ) -> Blob:
        """Store a file."""
        return await self._of(place).put(place, name, chunks, mime, timeout_ms=timeout_ms)

    async def get(
        self, place: StorageTarget, name: str, *, most_bytes: int, timeout_ms: int
    ) -> Fetched:
        """Read a file."""
        return await self._of(place).get(place, name, most_bytes=most_bytes, timeout_ms=timeout_ms)

    async def delete(self, place: StorageTarget, name: str, *, timeout_ms: int) -> None:
        """Remove a file."""
        await self._of(place).delete(place, name, timeout_ms=timeout_ms)

    async def find(self, place: StorageTarget, name: str, *, timeout_ms: int) -> Blob | None:
        """Return what is known of a file."""
        return await self._of(place).find(place, name, timeout_ms=timeout_ms)

    async def page(
        self, place: StorageTarget, folder: str, after: str, most: int, *, timeout_ms: int
    ) -> Page:
        """Return some files of a folder."""
        return await self._of(place).page(place, folder, after, most, timeout_ms=timeout_ms)

    async def sign(
        self, place: StorageTarget, name: str, method: Literal["GET", "PUT"], expiry_ms: int
    ) -> str:
        """Return a URL that lets its bearer in."""
        return await self._of(place).sign(place, name, method, expiry_ms)

    def url(self, place: StorageTarget, name: str) -> str:
        """Return a file's address."""
        return self._of(place).url(place, name)

    async def aclose(self) -> None:
        """Close every connection; a second call is harmless."""
        await self._tunnel.aclose()

    def _of(self, place: StorageTarget) -> Blobs:
        if place.type == "local":
            return self._folders
        if self._buckets is None:
            try:
                from ductape.providers.storage.buckets import BucketBlobs  # noqa: PLC0415 (an extra)
            except ImportError as error:
                kind, installs = place.type, f"pip install 'ductape-jobs[{place.type}]'"
                said = f"a storage of type {kind} needs the extra `{kind}`: {installs} ({error})"
                raise ConfigError(said, hint=installs) from error
            self._buckets = BucketBlobs(self._tunnel, self._tokens, self._clock, self._trusted)
        return self._buckets
