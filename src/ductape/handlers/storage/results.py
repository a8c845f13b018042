"""What a storage's results look like: `{url, fileName, size, mimeType, etag}` (SPEC 9)."""

from base64 import b64encode

from ductape.domain.jsonvalue import JsonObject
from ductape.ports.blobs import Blob


def described(name: str, url: str, blob: Blob) -> JsonObject:
    """Return what is told of one file."""
    return {
        "url": url,
        "fileName": name,
        "size": blob.size,
        "mimeType": blob.mime,
        "etag": blob.etag,
    }


def with_content(result: JsonObject, content: bytes) -> JsonObject:
    """Return a result with the file's content as base64, as an upload takes it.

    >>> with_content({"size": 2}, b"hi")
    {'size': 2, 'buffer': 'aGk='}
    """
    return {**result, "buffer": b64encode(content).decode()}
