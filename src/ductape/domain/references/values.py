"""How a JSON value is read by a path, becomes text, and is told apart by its texts (SPEC 6)."""

from collections.abc import Iterator

import msgspec

from ductape.domain.jsonvalue import JsonValue

_INDEX_DIGITS = 9
"""No list is longer than a number of so many digits."""


def read_path(data: JsonValue, path: tuple[str, ...]) -> JsonValue:
    """Follow a path into a value; a segment of ASCII digits is a position in a list, from 0.

    Raises `KeyError` with the first segment that leads nowhere.

    >>> read_path({"to": [{"id": 7}]}, ("to", "0", "id"))
    7
    """
    for segment in path:
        match data:
            case dict() if segment in data:
                data = data[segment]
            case list() if _is_index(segment) and int(segment) < len(data):
                data = data[int(segment)]
            case _:
                raise KeyError(segment)
    return data


def as_text(value: JsonValue) -> str:
    """Write a value as it appears inside longer text: text as it is, null as nothing, else JSON.

    >>> as_text("x"), as_text(None), as_text(True), as_text([1, {"a": None}])
    ('x', '', 'true', '[1,{"a":null}]')
    """
    match value:
        case str():
            return value
        case None:
            return ""
        case _:
            return msgspec.json.encode(value).decode()


def leaf_texts(value: JsonValue) -> Iterator[str]:
    """Yield every text and number inside a value as text, outermost first.

    >>> sorted(leaf_texts({"id": 7001, "name": ["Ada", True, None]}))
    ['7001', 'Ada']
    """
    waiting = [value]
    while waiting:
        match waiting.pop():
            case bool() | None:
                pass
            case dict() as members:
                waiting.extend(members.values())
            case list() as items:
                waiting.extend(items)
            case leaf:
                yield as_text(leaf)


def _is_index(segment: str) -> bool:
    return len(segment) <= _INDEX_DIGITS and segment.isascii() and segment.isdigit()
