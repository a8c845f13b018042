"""Files in bodies: one alone, or one of several parts beside the fields of a form (SPEC 9).

A file is an object with its content as base64: `{buffer | blob, fileName, mimeType}`, or the whole
result of a storage's download. A list is several parts of one name, any other object is JSON. A
field with a style is written as its style says: so `json` sends what looks like a file as it is.
Names are those of a form; `multipart/mixed`, `multipart/related` and their like have them too, and
say of each part what it is.
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256

import msgspec
from msgspec import Struct, field

from ductape.domain.files.content import decoded
from ductape.domain.files.mime import SNIFFED_BYTES, UNKNOWN, guess_mime
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.pairs import AS_USUAL, Style, Styles, joined, query_pairs

CONTENT = ("buffer", "blob")
"""What makes an object a file."""

_UNSAFE = re.compile(r'[\x00-\x1f\x7f"]')
_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
FORM = "multipart/form-data"
_RELATED = "multipart/related"


class Parts(Struct, frozen=True):
    """What a body of several parts is called, and what its parts say of themselves."""

    mime: str = FORM
    types: Mapping[str, str] = field(default_factory=dict[str, str])
    """Field → MIME type; a file's own counts for more."""


USUAL_PARTS = Parts()


class Part(Struct, frozen=True):
    """One part."""

    name: str
    content: bytes
    file_name: str | None = None
    mime: str | None = None
    """None for plain text."""


def encode_multipart(
    body: JsonObject, styles: Styles = AS_USUAL, words: Parts = USUAL_PARTS
) -> tuple[bytes, str]:
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
    parts = [*_parts(body, styles, words)]
    boundary = _boundary(parts)
    lines: list[bytes] = []
    for part in parts:
        lines += [b"--" + boundary, *_head(part, words), b"", part.content]
    lines += [b"--" + boundary + b"--", b""]
    root = f'; type="{_said(parts[0])}"' if parts and words.mime == _RELATED else ""
    return b"\r\n".join(lines), f"{words.mime}{root}; boundary={boundary.decode()}"


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


def _parts(body: JsonObject, styles: Styles, words: Parts) -> Iterator[Part]:
    for name, value in body.items():
        style, mime = styles.get(f"body:{name}"), words.types.get(name)
        if style is None and isinstance(value, list):
            for one in value:
                yield from _written(name, one, "json" if isinstance(one, list) else None, mime)
        else:
            yield from _written(name, value, style, mime)


def _written(name: str, value: JsonValue, style: Style | None, mime: str | None) -> Iterator[Part]:
    match value:
        case None:
            return
        case dict() if style is None and is_file(value):
            yield _file(name, value, mime)
        case dict() if style is None:
            yield Part(name, msgspec.json.encode(value), mime=mime or _JSON)
        case _ if style == "json":
            yield Part(name, msgspec.json.encode(value), mime=mime or _JSON)
        case _:
            styles: Styles = AS_USUAL if style is None else {f"body:{name}": style}
            for called, text in query_pairs({name: value}, styles, "body"):
                yield Part(called, joined(text).encode(), mime=mime)


def _file(name: str, given: JsonObject, told: str | None = None) -> Part:
    content = decoded(str(next(given[key] for key in CONTENT if given.get(key) is not None)))
    file_name = base_of(str(given.get("fileName") or name))
    mime = given.get("mimeType") or told or guess_mime(content[:SNIFFED_BYTES], file_name)
    return Part(name, content, file_name, str(mime))


def _head(part: Part, words: Parts) -> list[bytes]:
    said = f'{_disposition(part, words)}; name="{_quoted(part.name)}"'
    if part.file_name is not None:
        said += f'; filename="{_quoted(part.file_name)}"'
    lines = [f"Content-Disposition: {said}".encode()]
    if part.mime is not None or words.mime != FORM:
        lines.append(f"Content-Type: {_said(part)}".encode())
    return lines


def _disposition(part: Part, words: Parts) -> str:
    if words.mime == FORM:
        return "form-data"
    return "inline" if part.file_name is None else "attachment"


def _said(part: Part) -> str:
    return part.mime or _TEXT


def _quoted(name: str) -> str:
    """Return a name as browsers write it: nothing in it can end its line or its quotes."""
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", name)


def _boundary(parts: list[Part]) -> bytes:
    """Return what stands between the parts: made of their content, so that none can hold it."""
    digest = sha256()
    for part in parts:
        digest.update(b"%d:" % len(part.content) + part.content)
    return b"ductape-" + digest.hexdigest()[:40].encode()
