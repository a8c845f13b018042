"""Hiding known secrets in what is shown: errors, logs, tracebacks, inputs (SPEC 2, 18).

A secret is hidden as it is, as JSON and Python escape it, as URLs quote it, and inside base64 at
any offset, as in basic authentication. Texts of fewer than four characters are left alone: they
would hide half of every message and protect nothing.
"""

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus

import msgspec

from ductape.domain.found import MASK
from ductape.domain.jsonlimits import DEFAULT, lone_surrogate
from ductape.domain.jsonvalue import JsonValue

SHORTEST = 4
"""Characters below which a text is not hidden."""

_URL_ESCAPE = re.compile("%[0-9A-F]{2}")
_BASE64_LEAD = (0, 2, 3)
"""How many characters of the encoding depend on the 0, 1 or 2 bytes before the secret."""


def mask(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in a text by `***`; where several overlap, all that they cover.

    >>> mask("Bearer tok-123 refused", ["tok-123"])
    'Bearer *** refused'
    """
    return _masker(secrets)(text)


def mask_json(value: JsonValue, secrets: Iterable[str]) -> JsonValue:
    """Replace every secret in the texts, keys and numbers of a value.

    What lies deeper than any value that Ductape takes is hidden whole.

    >>> mask_json({"id": 70012, "note": ["user 70012"]}, ["70012"])
    {'id': '***', 'note': ['user ***']}
    """
    return _masked(value, _masker(secrets), 0)


def _masked(value: JsonValue, hide: Callable[[str], str], depth: int) -> JsonValue:
    if depth > DEFAULT.nesting:
        return MASK
    match value:
        case str():
            return hide(value)
        case bool() | None:
            return value
        case int() | float():
            return MASK if hide(msgspec.json.encode(value).decode()) == MASK else value
        case list():
            return [_masked(item, hide, depth + 1) for item in value]
        case dict():
            return {hide(key): _masked(item, hide, depth + 1) for key, item in value.items()}


def _masker(secrets: Iterable[str]) -> Callable[[str], str]:
    forms = {
        form
        for secret in secrets
        if len(secret) >= SHORTEST
        for form in _forms(secret)
        if len(form) >= SHORTEST
    }

    def hide(text: str) -> str:
        covered = sorted(span for form in forms for span in _spans(text, form))
        return _covered(text, covered) if covered else text

    return hide


def _spans(text: str, form: str) -> Iterator[tuple[int, int]]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + 1)


def _covered(text: str, spans: list[tuple[int, int]]) -> str:
    """Replace each stretch of overlapping spans, which come in order, by one mask."""
    pieces: list[str] = []
    shown_to = 0
    for start, end in spans:
        if start >= shown_to:
            pieces += [text[shown_to:start], MASK]
        shown_to = max(shown_to, end)
    return "".join([*pieces, text[shown_to:]])


def _forms(secret: str) -> Iterator[str]:
    """Yield every way in which a secret may stand in a text."""
    yield secret
    if lone_surrogate(secret):
        return
    yield repr(secret)[1:-1]
    yield secret.encode("unicode_escape").decode("ascii")
    yield from _json_forms(secret)
    for quoted in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield quoted
        yield _URL_ESCAPE.sub(lambda escape: escape[0].lower(), quoted)
    yield from _base64_forms(secret.encode())


def _json_forms(secret: str) -> Iterator[str]:
    escaped = msgspec.json.encode(secret).decode()[1:-1]
    yield escaped
    yield re.sub(r"[^\x00-\x7f]", _json_escape, escaped)


def _json_escape(character: re.Match[str]) -> str:
    units = character[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _base64_forms(secret: bytes) -> Iterator[str]:
    """Yield the characters that do not depend on what stands before or after the secret."""
    for before, lead in enumerate(_BASE64_LEAD):
        whole_characters = (before + len(secret)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(before) + secret).decode()[lead:whole_characters]
    yield b64encode(secret).decode()
    yield urlsafe_b64encode(secret).decode()
