"""Values that are a run's own: UUIDs where an API wants one, as its own idempotency key (SPEC 9).

Each is made of the run's idempotency key and its place, so that every attempt sends the same. It
is the whole value of its place, or stands for each `{unique}` in the definition's default there.
"""

from collections.abc import Mapping
from hashlib import sha256
from itertools import count

from msgspec.structs import replace

from ductape.domain.definitions.action import ActionTarget
from ductape.domain.inputs.parts import RequestParts
from ductape.domain.jsonvalue import JsonObject, JsonValue

UNIQUE_PARTS = frozenset({"body", "headers", "params", "query"})
"""Parts of a request that may have such values."""
WHOLE_BODY = "body"
"""The one place that has no name."""
MARK = "{unique}"
"""Stands in a default for a value of the run's own."""


def with_unique(
    target: ActionTarget, given: RequestParts, key: str
) -> tuple[ActionTarget, RequestParts]:
    """Return a definition and what the caller gave with the run's own values; the caller's win.

    A body that is no object has no fields for them.
    """
    for place in target.unique:
        part, _, name = place.partition(":")
        defaults = _defaults(target, part)
        called = _spelt(name, defaults) if part == "headers" else name
        default = defaults.get(called) if name else target.body
        if is_marked(default):
            own = _Marks(key, place).filled(default)
            whole = {**defaults, called: own} if name else own
            target = replace(target, **{part: whole})
        elif name:
            given = _with_one(given, part, name, unique_of(key, place))
    return target, given


def is_marked(value: JsonValue) -> bool:
    """Tell whether a default has a place for a value of the run's own, however deep.

    >>> is_marked({"a": ["order-{unique}"]}), is_marked({"{unique}": 1})
    (True, False)
    """
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text if MARK in text:
                return True
            case dict() as members:
                waiting.extend(members.values())
            case list() as items:
                waiting.extend(items)
            case _:
                pass
    return False


def unique_of(key: str, place: str) -> str:
    """Return a UUID made of a run's key and a place, of the form that most APIs take.

    >>> unique_of("job:1", "headers:X-Request-Id")
    'f8c05097-68b6-4ef2-8d58-a0a36b8db438'
    """
    digest = sha256(f"{key}:{place}".encode()).hexdigest()
    variant = "89ab"[int(digest[16], 16) % 4]
    groups = (digest[:8], digest[8:12], f"4{digest[13:16]}", f"{variant}{digest[17:20]}")
    return "-".join((*groups, digest[20:32]))


class _Marks:
    """Fills the marks of one place, each with another value."""

    def __init__(self, key: str, place: str) -> None:
        self._key = key
        self._place = place
        self._numbers = count(1)

    def filled(self, value: JsonValue) -> JsonValue:
        match value:
            case str():
                first, *others = value.split(MARK)
                return first + "".join(self._next() + text for text in others)
            case dict():
                return {name: self.filled(one) for name, one in value.items()}
            case list():
                return [self.filled(one) for one in value]
            case _:
                return value

    def _next(self) -> str:
        return unique_of(self._key, f"{self._place}#{next(self._numbers)}")


def _defaults(target: ActionTarget, part: str) -> Mapping[str, JsonValue]:
    match part:
        case "headers":
            return target.headers
        case "query":
            return target.query
        case "params":
            return target.params
        case _:
            return target.body if isinstance(target.body, dict) else {}


def _spelt(name: str, headers: Mapping[str, JsonValue]) -> str:
    """Return a header's name as the definition spells it: names of headers have no case."""
    return next((known for known in headers if known.lower() == name.lower()), name)


def _with_one(given: RequestParts, part: str, name: str, value: str) -> RequestParts:
    """Return what a caller gave with a value of the run's own, where it gave none."""
    match part:
        case "headers" if name.lower() not in {one.lower() for one in given.headers}:
            return replace(given, headers={**given.headers, name: value})
        case "query":
            return replace(given, query={name: value} | given.query)
        case "params":
            return replace(given, params={name: value} | given.params)
        case "body" if given.body is None or isinstance(given.body, dict):
            own: JsonObject = given.body or {}
            return replace(given, body=own if name in own else {**own, name: value})
        case _:
            return given
