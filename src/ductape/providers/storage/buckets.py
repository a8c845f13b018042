"""Files in S3, Google Cloud Storage and Azure, through obstore.

Small content is sent in one request, larger content in parts, a few at a time; what was begun and
not finished is given up, so that a file is there whole or not at all. Instants are epoch ms.
"""

from asyncio import timeout
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import md5, sha256
from typing import Literal

import msgspec
import obstore
from obstore.store import GCSStore

from ductape.domain.definitions.storage import StorageTarget
from ductape.domain.http.answer import retry_after_ms
from ductape.domain.http.azure import AzureBlob, signed_query
from ductape.errors import DuctapeError, ProviderError, ResultTooLarge
from ductape.ports.blobs import Blob, Chunks, Fetched, Listed, Page
from ductape.ports.clock import Clock
from ductape.ports.tokens import Tokens
from ductape.providers.storage.exchange import Seen
from ductape.providers.storage.faults import MISSING_FILES, Refusal, refused_definition
from ductape.providers.storage.google import HeldToken
from ductape.providers.storage.making import (
    Bucket,
    google_signer,
    make_bucket,
    origin_of,
    url_of,
)
from ductape.providers.storage.parts import PART_BYTES, Source
from ductape.providers.storage.tunnel import Ticket, Tunnel

PARTS_AT_ONCE = 3
MOST_BUCKETS = 256
"""Of which connections are kept."""


@dataclass(frozen=True)
class Lent:
    """One storage's bucket, and how we come there."""

    bucket: Bucket
    ticket: Ticket
    held: HeldToken | None

    async def renew(self) -> None:
        """See to it that the library has a token that is good for now."""
        if self.held is not None:
            await self.held.renew()


class BucketBlobs:
    """`ports.blobs.Blobs` for buckets."""

    def __init__(
        self, tunnel: Tunnel, tokens: Tokens, clock: Clock, trusted: bytes | None = None
    ) -> None:
        """Go out through the tunnel; `trusted` are certificates beside the system's, as PEM."""
        self._tunnel = tunnel
        self._tokens = tokens
        self._clock = clock
        self._trusted = trusted
        self._known: dict[bytes, Lent] = {}

    async def put(
        self, place: StorageTarget, name: str, chunks: Chunks, mime: str, *, timeout_ms: int
    ) -> Blob:
        """Store a file whole or not at all."""
        source = Source(chunks)
        async with self._asking(place, "upload", timeout_ms, source) as bucket:
            first = await source.part()
            attributes = {"Content-Type": mime}
            at_once = source.ended
            if at_once:
                put = await obstore.put_async(
                    bucket, name, first, attributes=attributes, use_multipart=False
                )
            else:
                put = await obstore.put_async(
                    bucket,
                    name,
                    source.parts(first),
                    attributes=attributes,
                    chunk_size=PART_BYTES,
                    max_concurrency=PARTS_AT_ONCE,
                )
            etag = _bare(put["e_tag"])
            if at_once and etag == md5(first, usedforsecurity=False).hexdigest():
                return Blob(len(first), etag)
            known = await obstore.head_async(bucket, name)
            return Blob(known["size"], etag or _bare(known["e_tag"]))

    async def get(
        self, place: StorageTarget, name: str, *, most_bytes: int, timeout_ms: int
    ) -> Fetched:
        """Read a file."""
        async with self._asking(place, "download", timeout_ms, most_bytes=most_bytes) as bucket:
            found = await obstore.get_async(bucket, name)
            known = _blob(found)
            size = known.size
            if size > most_bytes:
                raise ResultTooLarge(f"the file has {size} bytes, {most_bytes} are allowed")
            content = bytearray()
            async for chunk in found.stream():
                content += chunk
                if len(content) > most_bytes:
                    raise ResultTooLarge(f"the file has more than {most_bytes} bytes")
            if len(content) != size:
                message = f"{len(content)} bytes came instead of {size}"
                raise ProviderError("CONNECTION_ERROR", message)
            return Fetched(known, bytes(content))

    async def delete(self, place: StorageTarget, name: str, *, timeout_ms: int) -> None:
        """Remove a file."""
        try:
            async with self._asking(place, "delete", timeout_ms) as bucket:
                await obstore.delete_async(bucket, name)
        except ProviderError as error:
            if error.details.get("error") not in MISSING_FILES:
                raise

    async def find(self, place: StorageTarget, name: str, *, timeout_ms: int) -> Blob | None:
        """Return what is known of a file.

        An answer to HEAD has no body that says why: where it is no, GET is asked for the reason.
        """
        try:
            async with self._asking(place, "look-up", timeout_ms) as bucket:
                return _blob(await obstore.get_async(bucket, name, options={"head": True}))
        except ProviderError as error:
            if error.code not in {"NOT_FOUND", "FORBIDDEN", "VALIDATION_ERROR"}:
                raise
        try:
            async with self._asking(place, "look-up", timeout_ms) as bucket:
                return _blob(await obstore.get_async(bucket, name))
        except ProviderError as error:
            if error.details.get("error") in MISSING_FILES:
                return None
            raise

    async def page(
        self, place: StorageTarget, folder: str, after: str, most: int, *, timeout_ms: int
    ) -> Page:
        """Return files in the order of their names."""
        found: list[Listed] = []
        async with self._asking(place, "list", timeout_ms) as bucket:
            # Of a listing as a table, which nobody asks for here, the library has no type.
            stream = obstore.list(  # pyright: ignore[reportUnknownMemberType]
                bucket, folder or None, offset=after or None, chunk_size=most + 1
            )
            async for batch in stream:
                found += [_listed(one) for one in batch if one["path"] > after]
                if len(found) > most:
                    break
        return Page(tuple(found[:most]), more=len(found) > most)

    async def sign(
        self, place: StorageTarget, name: str, method: Literal["GET", "PUT"], expiry_ms: int
    ) -> str:
        """Return a URL that lets its bearer in."""
        if not (place.access_key_id or place.service_account or place.account_key):
            message = "only a storage with a key of its own can sign"
            raise ProviderError("VALIDATION_ERROR", message)
        if place.account_key:
            return self._azures(place, place.account_key, name, method, expiry_ms)
        expiry = timedelta(milliseconds=expiry_ms)
        async with self._asking(place, "signature", expiry_ms) as bucket:
            signer = _signer(place) if place.service_account else bucket
            return await obstore.sign_async(signer, method, name, expiry)

    def _azures(
        self,
        place: StorageTarget,
        key: str,
        name: str,
        method: Literal["GET", "PUT"],
        expiry_ms: int,
    ) -> str:
        """Sign for Azure: the library signs a name as a URL writes it, which Azure does not."""
        blob = AzureBlob(place.account or "", place.bucket, name)
        ends_ms = self._clock.now_ms() + expiry_ms
        query = signed_query(blob, key, method=method, expires_at_ms=ends_ms)
        return f"{url_of(place, name)}?{query}"

    def url(self, place: StorageTarget, name: str) -> str:
        """Return the file's address."""
        return url_of(place, name)

    @asynccontextmanager
    async def _asking(
        self,
        place: StorageTarget,
        asked: str,
        timeout_ms: int,
        source: Source | None = None,
        *,
        most_bytes: int = 0,
    ) -> AsyncGenerator[Bucket]:
        """Lend a bucket; whatever the library raises meanwhile becomes one of ours.

        An answer may have `most_bytes`, where that is more than what has no file in it needs.
        """
        where = origin_of(place)
        seen = Seen()
        try:
            async with timeout(timeout_ms / 1_000):
                lent = await self._lent(place)
                seen = lent.ticket.seen
                seen.failure = None
                seen.allow(most_bytes)
                await lent.renew()
                if source is not None:
                    source.before_each = lent.renew
                yield lent.bucket
        except DuctapeError:
            raise
        except TimeoutError:
            message = f"{where} took longer than {timeout_ms} ms: {asked}"
            raise ProviderError("TIMEOUT", message) from None
        except (obstore.exceptions.BaseError, OSError, ValueError) as error:
            # `from None`: what the library says may hold keys, and a traceback would show it.
            if source is not None and source.failure is not None:
                raise source.failure from None
            refusal = Refusal(error, seen.status)
            if seen.failure is not None and refusal.unanswered:
                raise seen.failure from None
            wait_ms = retry_after_ms(seen.headers, self._clock.now_ms())
            raise refusal.told(where, asked, wait_ms) from None

    async def _lent(self, place: StorageTarget) -> Lent:
        key = sha256(msgspec.json.encode(place)).digest()
        known = self._known.pop(key, None)
        if known is None:
            ticket = self._tunnel.ticket(asks_private=place.allow_private)
            url = await self._tunnel.url(ticket)
            with _usable():
                held = _held(place, self._tokens, self._clock)
                bucket = make_bucket(place, url, self._trusted, held)
            known = Lent(bucket, ticket, held)
        self._known[key] = known
        while len(self._known) > MOST_BUCKETS:
            old = self._known.pop(next(iter(self._known)))
            self._tunnel.withdraw(old.ticket)
        return known


def _held(place: StorageTarget, tokens: Tokens, clock: Clock) -> HeldToken | None:
    if place.type != "gcs" or place.service_account is None:
        return None
    return HeldToken(place, tokens, clock)


def _signer(place: StorageTarget) -> GCSStore:
    with _usable():
        return google_signer(place)


@contextmanager
def _usable() -> Generator[None]:
    """Refuse a definition that the library cannot use."""
    try:
        yield
    except (obstore.exceptions.BaseError, ValueError) as error:
        raise refused_definition(error) from None  # it may quote the key


def _blob(found: "obstore.GetResult") -> Blob:
    meta = found.meta
    if meta["e_tag"] is None:
        raise ProviderError("PROVIDER_ERROR", "an answer without an etag is not that of a bucket")
    mime = found.attributes.get("Content-Type")
    return Blob(
        meta["size"],
        _bare(meta["e_tag"]),
        mime if isinstance(mime, str) else None,
        int(meta["last_modified"].timestamp() * 1_000),
    )


def _listed(meta: "obstore.ObjectMeta") -> Listed:
    modified_ms = int(meta["last_modified"].timestamp() * 1_000)
    return Listed(meta["path"], Blob(meta["size"], _bare(meta["e_tag"]), None, modified_ms))


def _bare(etag: str | None) -> str | None:
    return None if etag is None else etag.removeprefix("W/").strip('"')
