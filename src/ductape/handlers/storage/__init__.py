"""Keeps files: uploads, downloads, deletes, lists, looks for, signs (SPEC 9).

Everything that an upload sends is counted on its way, and what the backend says that it has is
compared with it: by its MD5 where the backend's etag is one, else by the size.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import assert_never

import msgspec

from ductape.domain.definitions.storage import StorageTarget
from ductape.domain.files.names import joined, name_faults
from ductape.domain.inputs.storage import StorageInput, check_storage, read_storage_input
from ductape.domain.jsonlimits import DEFAULT
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import ResultTooLarge, ValidationError, invalid
from ductape.handlers.storage.results import described, with_content
from ductape.handlers.storage.uploading import Uploading
from ductape.ports.blobs import Blobs, LocalFiles
from ductape.ports.clock import Clock
from ductape.ports.handler import Invocation
from ductape.ports.http import HttpStreams

BESIDE_BYTES = 8_192
"""What the other fields of a result take beside the content, at most."""


class StorageHandler:
    """`ports.handler.Handler` for the kind `storage`."""

    def __init__(
        self,
        blobs: Blobs,
        files: LocalFiles,
        streams: HttpStreams,
        clock: Clock,
        result_bytes: int = DEFAULT.result_bytes,
    ) -> None:
        """Take what keeps files, where uploads come from, and how large a result may be."""
        self._blobs = blobs
        self._clock = clock
        self._most_content = max(result_bytes - BESIDE_BYTES, 0) // 4 * 3
        self._uploading = Uploading(blobs, files, streams, clock)

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Do the operation that the input names; raises `ValidationError` before anything is done.

        Raises `ProviderError` for what came of it, `ResultTooLarge` for a file that is.
        """
        definition = invocation.target.definition
        if faults := check_storage(definition, invocation.input, resolved=True):
            raise ValidationError(faults)
        place = msgspec.convert(definition, StorageTarget)
        if faults := name_faults(place.prefix, "definition.prefix") if place.prefix else []:
            raise ValidationError(faults)
        given = read_storage_input(invocation.input)
        timeout_ms = max(invocation.context.deadline_ms - self._clock.now_ms(), 1)
        return await self._done(place, given, timeout_ms)

    async def _done(self, place: StorageTarget, given: StorageInput, timeout_ms: int) -> JsonObject:
        match given.operation:
            case "upload":
                return await self._uploading.upload(place, given, timeout_ms)
            case "download":
                return await self._download(place, given, timeout_ms)
            case "delete":
                name = joined(place.prefix, given.fileName)
                await self._blobs.delete(place, name, timeout_ms=timeout_ms)
                return {"fileName": given.fileName, "deleted": True}
            case "list":
                return await self._list(place, given, timeout_ms)
            case "exists":
                return await self._exists(place, given, timeout_ms)
            case "sign":
                return await self._sign(place, given)
            case _:
                assert_never(given.operation)

    async def _download(
        self, place: StorageTarget, given: StorageInput, timeout_ms: int
    ) -> JsonObject:
        name = joined(place.prefix, given.fileName)
        try:
            found = await self._blobs.get(
                place, name, most_bytes=self._most_content, timeout_ms=timeout_ms
            )
        except ResultTooLarge as error:
            message = f"`{given.fileName}` has more than the {self._most_content} bytes of a result"
            hint = "let `sign` make a URL for it instead"
            raise ResultTooLarge(message, hint=hint) from error
        url = self._blobs.url(place, name)
        return with_content(described(given.fileName, url, found.blob), found.content)

    async def _exists(
        self, place: StorageTarget, given: StorageInput, timeout_ms: int
    ) -> JsonObject:
        name = joined(place.prefix, given.fileName)
        found = await self._blobs.find(place, name, timeout_ms=timeout_ms)
        if found is None:
            return {"exists": False, "fileName": given.fileName}
        url = self._blobs.url(place, name)
        return {"exists": True, **described(given.fileName, url, found)}

    async def _list(self, place: StorageTarget, given: StorageInput, timeout_ms: int) -> JsonObject:
        folder = joined(place.prefix, given.prefix.removesuffix("/"))
        after = "" if given.cursor is None else joined(place.prefix, _read_cursor(given.cursor))
        page = await self._blobs.page(place, folder, after, given.limit, timeout_ms=timeout_ms)
        above = f"{place.prefix}/" if place.prefix else ""
        names = [one.name.removeprefix(above) for one in page.files]
        files: list[JsonValue] = [
            {
                "fileName": name,
                "url": self._blobs.url(place, one.name),
                "size": one.blob.size,
                "etag": one.blob.etag,
                "modified_at": one.blob.modified_ms,
            }
            for name, one in zip(names, page.files, strict=True)
        ]
        cursor = _cursor(names[-1]) if page.more and names else None
        return {"files": files, "count": len(files), "cursor": cursor}

    async def _sign(self, place: StorageTarget, given: StorageInput) -> JsonObject:
        name = joined(place.prefix, given.fileName)
        url = await self._blobs.sign(place, name, given.method, given.expiry)
        return {
            "url": url,
            "fileName": given.fileName,
            "method": given.method,
            "expires_at": self._clock.now_ms() + given.expiry,
        }


def _cursor(name: str) -> str:
    return urlsafe_b64encode(name.encode()).decode()


def _read_cursor(cursor: str) -> str:
    """Return the name that a listing goes on after; raises `ValidationError` for another text."""
    try:
        name = urlsafe_b64decode(cursor.encode()).decode()
    except ValueError as error:
        raise invalid("input.cursor", "the cursor of the page before", "another text") from error
    if name_faults(name, "input.cursor"):
        raise invalid("input.cursor", "the cursor of the page before", "another text")
    return name
