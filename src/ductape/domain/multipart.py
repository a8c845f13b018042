"""Files in bodies: one alone, or in `multipart/form-data` beside the fields of a form (SPEC 9).

A file is an object with its content as base64: `{buffer | blob, fileName, mimeType}`, or the whole
result of a storage's download. A list is several parts of one name, any other object is JSON. A
field with a style is written as its style says: so `json` sends what looks like a file as it is.
"""

import re
from collections.abc import Iterator
from hashlib import sha256

import msgspec
from msgspec import Struct

from ductape.domain.content import SNIFFED_BYTES, UNKNOWN, guess_mime
from ductape.domain.filecontent import decoded
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.pairs import AS_USUAL, Style, Styles, query_pairs

CONTENT = ("buffer", "blob")
"""What makes an object a file."""

_UNSAFE = re.compile(r'[\x00-\x1f\x7f"]')
_JSON = "application/json"


class Part(Struct, frozen=True):
    """One part."""

    name: str
    content: bytes
    file_name: str | None = None
    mime: str | None = None
    """None for plain text."""


def encode_multipart(body: JsonObject, styles: Styles = AS_USUAL) -> tuple[bytes, str]:
    r"""Return a body's bytes and MIME type, the same for each attempt.

    >>> body, mime = encode_multipart({"n": 1, "f": {"buffer": "aGk=", "fileName": "a.txt"}})
    >>> for line in body.replace(mime[-40:].encode(), b"").decode().split("\r\n")[4:9]:
    ...     print(line)
    --ductape-
    Content-Disposition: form-data; name="f"; filename="a.txt"
    Content-Type: text/plain
    <BLANKLINE>
    hi

    Presumes that `inputs.files.multipart_faults` found none.
    """
    parts = [*_parts(body, styles)]
    boundary = _boundary(parts)
    lines: list[bytes] = []
    for part in parts:
        lines += [b"--" + boundary, *_head(part), b"", part.content]
    lines += [b"--" + boundary + b"--", b""]
    return b"\r\n".join(lines), f"multipart/form-data; boundary={boundary.decode()}"


def encode_file(file: JsonObject) -> tuple[bytes, str]:
    """Return a file's bytes and MIME type.

    >>> encode_file({"buffer": "aGk=", "fileName": "a.csv"})
    (b'hi', 'text/csv')

    Presumes that `inputs.files.file_faults` found none.
    """
    part = _file("file", file)
    return part.content, part.mime or UNKNOWN


def base_of(name: str) -> str:
    """Return a file's own name, without the folders it is in."""
    return name.rpartition("/")[2]


def is_file(value: JsonValue) -> bool:
    """Tell whether a value is a file.

    >>> is_file({"buffer": "aGk="}), is_file({"buffer": None}), is_file("aGk=")
    (True, False, False)
    """
    return isinstance(value, dict) and any(value.get(name) is not None for name in CONTENT)


def _parts(body: JsonObject, styles: Styles) -> Iterator[Part]:
    for name, value in body.items():
        style = styles.get(f"body:{name}")
        if style is None and isinstance(value, list):
            for one in value:
                yield from _written(name, one, "json" if isinstance(one, list) else None)
        else:
            yield from _written(name, value, style)


def _written(name: str, value: JsonValue, style: Style | None) -> Iterator[Part]:
    match value:
        case None:
            return
        case dict() if style is None and is_file(value):
            yield _file(name, value)
        case dict() if style is None:
            yield Part(name, msgspec.json.encode(value), mime=_JSON)
        case _ if style == "json":
            yield Part(name, msgspec.json.encode(value), mime=_JSON)
        case _:
            styles: Styles = AS_USUAL if style is None else {f"body:{name}": style}
            for called, text in query_pairs({name: value}, styles, "body"):
                yield Part(called, text.encode())


def _file(name: str, given: JsonObject) -> Part:
    content = decoded(str(next(given[key] for key in CONTENT if given.get(key) is not None)))
    file_name = base_of(str(given.get("fileName") or name))
    mime = given.get("mimeType") or guess_mime(content[:SNIFFED_BYTES], file_name)
    return Part(name, content, file_name, str(mime))


def _head(part: Part) -> list[bytes]:
    said = f'Content-Disposition: form-data; name="{_quoted(part.name)}"'
    if part.file_name is not None:
        said += f'; filename="{_quoted(part.file_name)}"'
    lines = [said.encode()]
    if part.mime is not None:
        lines.append(f"Content-Type: {part.mime}".encode())
    return lines


def _quoted(name: str) -> str:
    """Return a name as browsers write it: nothing in it can end its line or its quotes."""
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", name)


def _boundary(parts: list[Part]) -> bytes:
    """Return what stands between the parts: made of their content, so that none can hold it."""
    digest = sha256()
    for part in parts:
        digest.update(b"%d:" % len(part.content) + part.content)
    return b"ductape-" + digest.hexdigest()[:40].encode()
