"""What a session's data must be, whose session it is, and how long its tokens live (SPEC 6).

Spans are milliseconds. A schema is an example of the data: the same keys, the same JSON types. In
it a word of `TYPE_WORDS` stands for any value of that type, `null` for any value at all; an empty
object or list says nothing about its content, and a list's first element speaks for all of them.
Faults name paths and types, never what was found there.
"""

import re
from typing import Literal, TypeAlias

from ductape.domain.found import kind_of, path_to
from ductape.domain.jsonlimits import DEFAULT, plain_object
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.nearest import hint_for
from ductape.errors import Fault, ValidationError, fault

MOST_TOKEN_BYTES = 8_192
"""Of an encoded token."""

LOST_ANSWER_MS = 30_000
"""How long a used refresh token may be repeated by a caller who never got the answer."""

LEAST_REFRESH_MS = 30 * 86_400_000
"""A refresh token lives at least so long, each new one anew."""

LONGEST_USER = 255
"""Characters of a user's identifier; that of OpenID Connect has no more."""

PERIOD_MS = {"seconds": 1_000, "minutes": 60_000, "hours": 3_600_000, "days": 86_400_000}

TYPE_WORDS = {
    "string": "a string",
    "number": "a number",
    "boolean": "a boolean",
    "object": "an object",
    "array": "a list",
}

Standing: TypeAlias = Literal["present", "repeated", "reused"]

_SELECTOR = re.compile(r"\$Session((?:\{[^{}]+\})+)")


def read_data(data: dict[str, object], schema: JsonObject, selector: tuple[str, ...]) -> JsonObject:
    """Return a copy of a session's data, or raise one `ValidationError` with every fault."""
    max_bytes, nesting = MOST_TOKEN_BYTES, DEFAULT.nesting
    plain = plain_object(data, "data", max_bytes=max_bytes, nesting=nesting)
    if not isinstance(plain, dict):
        raise ValidationError(plain)
    faults = _object_faults(plain, schema, "data")
    if not faults and selector and user_of(plain, selector) is None:
        faults.append(_no_user(plain, selector))
    if faults:
        raise ValidationError(faults)
    return plain


def user_of(data: JsonObject, selector: tuple[str, ...]) -> str | None:
    """Return the user's identifier: the string or integer at the selector's path, as text.

    >>> user_of({"user": {"id": 7}}, ("user", "id"))
    '7'
    >>> user_of({"user": {"id": ""}}, ("user", "id")), user_of({"a": "b"}, ())
    (None, None)
    """
    found: JsonValue = data
    for key in selector:
        if not isinstance(found, dict) or key not in found:
            return None
        found = found[key]
    if isinstance(found, str):
        return found if 0 < len(found) <= LONGEST_USER and "\0" not in found else None
    return str(found) if type(found) is int else None


def selector_path(selector: str, tag: str) -> tuple[str, ...] | None:
    """Read a definition's selector; none where it is no `$Session{…}` reference.

    >>> selector_path("$Session{user}{id}", "login"), selector_path("$Session{login}{id}", "login")
    (('user', 'id'), ('id',))
    >>> selector_path("userId", "login")
    """
    found = _SELECTOR.fullmatch(selector)
    if found is None:
        return None
    path = tuple(found[1][1:-1].split("}{"))
    return path[1:] if len(path) > 1 and path[0] == tag else path


def refresh_life_ms(expiry_ms: int) -> int:
    """Tell how long a refresh token lives: 30 days, or twice the token's own life if longer.

    >>> refresh_life_ms(3_600_000) // 86_400_000, refresh_life_ms(60 * 86_400_000) // 86_400_000
    (30, 120)
    """
    return max(LEAST_REFRESH_MS, 2 * expiry_ms)


def standing(presented: int, *, present: int, rotated_at_ms: int | None, now_ms: int) -> Standing:
    """Judge a refresh token by its generation.

    The one before the present one may be repeated for a while; any other is a stolen or a copied
    one, used again.

    >>> standing(3, present=3, rotated_at_ms=0, now_ms=90_000)
    'present'
    >>> [standing(2, present=3, rotated_at_ms=0, now_ms=now) for now in (30_000, 30_001)]
    ['repeated', 'reused']
    """
    if presented == present:
        return "present"
    lately = rotated_at_ms is not None and now_ms - rotated_at_ms <= LOST_ANSWER_MS
    return "repeated" if lately and presented == present - 1 else "reused"


def _object_faults(data: JsonObject, schema: JsonObject, path: str) -> list[Fault]:
    if not schema:
        return []
    missing = [
        fault(path_to(path, key), _expected(example), "nothing")
        for key, example in schema.items()
        if key not in data
    ]
    present = [
        one
        for key, value in data.items()
        for one in _member_faults(key, value, schema, path_to(path, key))
    ]
    return missing + present


def _member_faults(key: str, value: JsonValue, schema: JsonObject, path: str) -> list[Fault]:
    if key not in schema:
        hint = hint_for(key, schema, {})
        return [fault(path, "a key of the session's schema", "an unknown key", hint=hint)]
    return _value_faults(value, schema[key], path)


def _value_faults(value: JsonValue, example: JsonValue, path: str) -> list[Fault]:
    if example is None:
        return []
    if kind_of(value) != _expected(example):
        return [fault(path, _expected(example), kind_of(value))]
    if isinstance(value, dict) and isinstance(example, dict):
        return _object_faults(value, example, path)
    if isinstance(value, list) and isinstance(example, list) and example:
        items = enumerate(value)
        return [
            one for at, item in items for one in _value_faults(item, example[0], f"{path}[{at}]")
        ]
    return []


def _expected(example: JsonValue) -> str:
    if example is None:
        return "a value"
    if isinstance(example, str):
        return TYPE_WORDS.get(example, "a string")
    return kind_of(example)


def _no_user(data: JsonObject, selector: tuple[str, ...]) -> Fault:
    path, found = "data", data
    for key in selector:
        path = path_to(path, key)
        found = found.get(key) if isinstance(found, dict) else None
    expected = (
        f"a non-empty string of at most {LONGEST_USER} characters, NUL not among them, or an"
        " integer, since the selector names the user by it"
    )
    return fault(path, expected, _unfit(found))


def _unfit(found: JsonValue) -> str:
    match found:
        case "":
            return "an empty string"
        case str() if len(found) > LONGEST_USER:
            return f"one of {len(found)} characters"
        case _:
            return kind_of(found)
