"""What another server's answer means for a run: its value, or its error code and how long to wait.

Codes are those of SPEC 12, `Retry-After` that of SPEC 5: spans in milliseconds, at most a day.
"""

import re
from base64 import b64encode
from codecs import BOM_UTF8, lookup
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime

import msgspec
from msgspec import Struct

from ductape.domain.jsonlimits import lone_surrogate
from ductape.domain.jsonvalue import UNREADABLE, JsonValue
from ductape.domain.masking import mask
from ductape.domain.retry import LONGEST_RETRY_AFTER_MS
from ductape.errors import ProviderError

MOST_QUOTED_BYTES = 2_048
"""How much of an answer's body an error may quote."""

_CODES = {
    400: "VALIDATION_ERROR",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    408: "TIMEOUT",
    410: "NOT_FOUND",
    413: "VALIDATION_ERROR",
    414: "VALIDATION_ERROR",
    415: "VALIDATION_ERROR",
    422: "VALIDATION_ERROR",
    429: "RATE_LIMITED",
    503: "SERVICE_UNAVAILABLE",
    504: "TIMEOUT",
}
_GOOD = range(200, 400)
_REDIRECTS = range(300, 400)
_ELSEWHERE = frozenset({301, 302, 307, 308})
"""Not 303: what was asked for has been done, and something about it can be read elsewhere."""
_USER = re.compile(r"//[^/]*@")
_CHARSET = re.compile(r"charset=\"?([A-Za-z0-9_.:-]+)", re.IGNORECASE)

_PYTHONS_OWN = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""Names that no other maker knows for a charset; a server in JavaScript says `undefined`."""


class Answer(Struct, frozen=True):
    """What came back, as far as errors speak of it."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


def code_for_status(status: int) -> str | None:
    """Return the error code that a status stands for; none for success and redirection.

    >>> [code_for_status(status) for status in (204, 302, 410, 418, 429, 502, 504)]
    [None, None, 'NOT_FOUND', 'PROVIDER_ERROR', 'RATE_LIMITED', 'PROVIDER_ERROR', 'TIMEOUT']
    """
    if status in _GOOD:
        return None
    return _CODES.get(status, "PROVIDER_ERROR")


def retry_after_ms(headers: Mapping[str, str], now_ms: int) -> int | None:
    """Return the wait that `retry-after` asks for, seconds or an HTTP date; none if unreadable.

    >>> retry_after_ms({"retry-after": "120"}, 0), retry_after_ms({}, 0)
    (120000, None)
    >>> retry_after_ms({"retry-after": "Thu, 01 Jan 1970 00:00:05 GMT"}, 2_000)
    3000
    """
    text = headers.get("retry-after", "").strip()
    # A long row of digits is cut before int() sees it: ten already exceed the bound.
    in_seconds = text.isascii() and text.isdigit()
    waited = int(text[:10]) * 1_000 if in_seconds else _until(text, now_ms)
    return None if waited is None else min(max(waited, 0), LONGEST_RETRY_AFTER_MS)


def refuse_status(
    answer: Answer, *, asked: str, now_ms: int, secrets: tuple[str, ...] = ()
) -> None:
    """Raise `ProviderError` for an answer that is neither success nor redirection.

    `asked` names the request in the message (`POST partner.example/orders/:id`), never with its
    query or values; `secrets` are masked wherever the answer echoes them.
    """
    code = code_for_status(answer.status)
    if code is None:
        return
    raise ProviderError(
        code,
        f"{asked} answered {answer.status}",
        retry_after_ms=retry_after_ms(answer.headers, now_ms),
        details={"status": answer.status, "body": quoted(answer.body, secrets)},
    )


def refuse_redirect(status: int, *, asked: str) -> None:
    """Raise `ProviderError` where only a final answer will do, and this is a redirection."""
    if status in _REDIRECTS:
        raise ProviderError("PROVIDER_ERROR", f"{asked} answered {status}, a redirection")


def refuse_moved(answer: Answer, *, asked: str, secrets: tuple[str, ...] = ()) -> None:
    """Raise `ProviderError` where what was asked for is done elsewhere, and was not asked there.

    Where it is comes from the answer's headers; leave them out where an address is a secret.
    """
    if answer.status not in _ELSEWHERE:
        return
    place = answer.headers.get("location", "").partition("?")[0]
    place = mask(_USER.sub("//", place), secrets)
    raise ProviderError(
        "PROVIDER_ERROR",
        f"{asked} answered {answer.status}, a redirection that is not followed",
        hint="name the address that it leads to in the definition",
        details={"status": answer.status, **({"location": place} if place else {})},
    )


def quoted(body: bytes, secrets: tuple[str, ...] = ()) -> str:
    """Return a body as an error may show it: text, secrets masked, at most 2 KiB.

    >>> quoted(b"no such token: s3cret", ("s3cret",))
    'no such token: ***'
    """
    text = mask(body.decode("utf-8", errors="replace"), secrets)
    encoded = text.encode()
    if len(encoded) <= MOST_QUOTED_BYTES:
        return text
    return encoded[: MOST_QUOTED_BYTES - 3].decode("utf-8", errors="ignore") + "…"


def body_value(headers: Mapping[str, str], body: bytes) -> JsonValue:
    """Return an answer's body: JSON where it is JSON, text where it is text, else base64.

    >>> body_value({"content-type": "application/json"}, b'{"id": 1}'), body_value({}, b"")
    ({'id': 1}, None)
    """
    mime, _, parameters = headers.get("content-type", "").partition(";")
    mime = mime.strip().lower()
    said = _CHARSET.search(parameters)
    charset = said[1] if said else "utf-8"
    if mime == "application/json" or mime.endswith("+json"):
        return _json(body, charset)
    return _text_or_base64(body, charset) if body else None


def _json(body: bytes, charset: str) -> JsonValue:
    """Read JSON: it is in UTF-8 whatever the sender says, unless it cannot be (RFC 8259)."""
    plain = body.removeprefix(BOM_UTF8)
    if not plain:
        return None
    with suppress(*UNREADABLE):
        return msgspec.json.decode(plain)
    text = _text(body, "utf-8") or _text(body, charset)
    if text is None:
        return b64encode(body).decode()
    with suppress(*UNREADABLE):
        return msgspec.json.decode(text)
    return text


def _text_or_base64(body: bytes, charset: str) -> str:
    text = _text(body, charset)
    return b64encode(body).decode() if text is None else text


def _text(body: bytes, charset: str) -> str | None:
    """Return a body as text without its mark of order; none where it is none in that charset."""
    try:
        if lookup(charset).name in _PYTHONS_OWN:
            return None
        text = body.decode(charset).removeprefix("\ufeff")
    except (LookupError, UnicodeError):
        return None
    return None if lone_surrogate(text) else text


def _until(text: str, now_ms: int) -> int | None:
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return int(instant.timestamp() * 1_000) - now_ms
