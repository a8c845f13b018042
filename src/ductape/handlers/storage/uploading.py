"""An upload: where its content comes from, what it is, and whether all of it arrived (SPEC 9)."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from hashlib import md5

from msgspec.structs import replace

from ductape.domain.definitions.storage import StorageTarget
from ductape.domain.files.content import decoded
from ductape.domain.files.mime import SNIFFED_BYTES, guess_mime
from ductape.domain.files.names import joined
from ductape.domain.http.answer import Answer, refuse_status
from ductape.domain.inputs.storage import StorageInput
from ductape.domain.jsonvalue import JsonObject
from ductape.errors import ProviderError
from ductape.handlers.storage.results import described
from ductape.ports.blobs import Blob, Blobs, Chunks, LocalFiles
from ductape.ports.clock import Clock
from ductape.ports.http import HttpRequest, HttpStreams

_COUNTED_LATER = 2**63 - 1
"""`Measure` bounds what is fetched, as it does every content."""


class Uploading:
    """Uploads from an input, a file of this host, or a URL."""

    def __init__(self, blobs: Blobs, files: LocalFiles, streams: HttpStreams, clock: Clock) -> None:
        """Take what keeps files, and where uploads may come from."""
        self._blobs = blobs
        self._files = files
        self._streams = streams
        self._clock = clock

    async def upload(
        self, place: StorageTarget, given: StorageInput, timeout_ms: int
    ) -> JsonObject:
        """Store the content over whatever has its name, and return what is there then.

        A retry stores the same content under the same name again.
        """
        name = joined(place.prefix, given.fileName)
        async with self._source(place, given, timeout_ms) as source:
            head, chunks = await _sniffed(source)
            mime = given.mimeType or guess_mime(head[:SNIFFED_BYTES], given.fileName)
            measure = Measure(place.max_bytes)
            blob = await self._blobs.put(
                place, name, measure.counted(chunks), mime, timeout_ms=timeout_ms
            )
        measure.refuse_other(blob, given.fileName)
        kept = replace(blob, mime=mime)
        return described(given.fileName, self._blobs.url(place, name), kept)

    def _source(
        self, place: StorageTarget, given: StorageInput, timeout_ms: int
    ) -> AbstractAsyncContextManager[Chunks]:
        if given.file is not None:
            return self._files.opened(given.file)
        if given.url is not None:
            return self._fetched(place, given.url, timeout_ms)
        return _held(decoded(given.buffer or given.blob or ""))

    @asynccontextmanager
    async def _fetched(
        self, place: StorageTarget, url: str, timeout_ms: int
    ) -> AsyncGenerator[Chunks]:
        request = HttpRequest(
            method="GET",
            url=url,
            timeout_ms=timeout_ms,
            allow_private=place.allow_private,
            max_response_bytes=_COUNTED_LATER,
        )
        async with self._streams.stream(request) as answer:
            status = Answer(answer.status, answer.headers, b"")
            refuse_status(status, asked="the source's GET", now_ms=self._clock.now_ms())
            yield answer.chunks


class Measure:
    """Counts what passes, and knows its MD5."""

    def __init__(self, most_bytes: int) -> None:
        """Let at most so much pass."""
        self._most = most_bytes
        self._md5 = md5(usedforsecurity=False)
        self.size = 0

    async def counted(self, chunks: Chunks) -> Chunks:
        """Pass the chunks on; raises `ProviderError` where there are too many."""
        async for chunk in chunks:
            self.size += len(chunk)
            if self.size > self._most:
                hint = "raise the storage's `max_bytes`"
                message = f"the content has more than {self._most} bytes"
                raise ProviderError("VALIDATION_ERROR", message, hint=hint)
            self._md5.update(chunk)
            yield chunk

    def refuse_other(self, blob: Blob, name: str) -> None:
        """Raise `ProviderError` where the backend has something else than what passed.

        An etag that is another MD5 proves nothing: encrypted buckets have etags of their own.
        """
        if blob.etag == self._md5.hexdigest() or blob.size == self.size:
            return
        message = f"`{name}`: {self.size} bytes were sent, the storage has {blob.size}"
        raise ProviderError("PROVIDER_ERROR", message)


@asynccontextmanager
async def _held(content: bytes) -> AsyncGenerator[Chunks]:
    async def once() -> Chunks:
        yield content

    yield once()


async def _sniffed(source: Chunks) -> tuple[bytes, Chunks]:
    """Read until there is enough to tell what it is; return that, and everything from the start."""
    head = b""
    async for chunk in source:
        head += chunk
        if len(head) >= SNIFFED_BYTES:
            break

    async def whole() -> Chunks:
        if head:
            yield head
        async for chunk in source:
            yield chunk

    return head, whole()
