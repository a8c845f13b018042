"""The content of a file as JSON has it: base64, with a type that may be given (SPEC 9)."""

import binascii
import re
from base64 import b64decode

from ductape.domain.found import kind_of
from ductape.domain.jsonvalue import JsonValue
from ductape.errors import Fault, fault

_MIME = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}(;[ -~]*)?")
_BLANKS = re.compile(r"[ \t\r\n]+")


def decoded(content: str) -> bytes:
    """Return the bytes of base64; raises `ValueError` for a text that is none.

    >>> decoded("aGVs bG8="), decoded("")
    (b'hello', b'')
    """
    return b64decode(_BLANKS.sub("", content), validate=True)


def content_faults(value: JsonValue, path: str, *, hint: str) -> list[Fault]:
    """Tell what keeps a value from being base64."""
    if not isinstance(value, str) or "\0" in value:
        return [fault(path, "a text", kind_of(value))]
    try:
        decoded(value)
    except (binascii.Error, ValueError):
        return [fault(path, "base64", "another text", hint=hint)]
    return []


def mime_faults(value: JsonValue, path: str) -> list[Fault]:
    """Tell what keeps a value from being a MIME type."""
    if isinstance(value, str) and _MIME.fullmatch(value.lower()):
        return []
    found = repr(value[:40]) if isinstance(value, str) else kind_of(value)
    return [fault(path, "a type such as `image/png`", found)]
