"""The operators that work on lists and objects: picking, filtering, finding, counting (SPEC 6).

`$Filter` and `$Find` say what they look for in one of four ways: a value that items equal, an
object of members that they have, a key and its value, or a comparison (`'>'`, `5`), also of a key
(`'age'`, `'>'`, `5`).
"""

from collections.abc import Callable, Mapping
from typing import cast

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references.arguments import Arguments, list_of, refuse
from ductape.domain.references.values import read_path

Test = Callable[[JsonValue], bool]


def filtered(arguments: Arguments) -> JsonValue:
    """Return the items that pass.

    >>> filtered(([{"id": 1}, {"id": 2}], "id", 2)), filtered(([1, 5, 9], ">=", 5))
    ([{'id': 2}], [5, 9])
    """
    items, passes = list_of(arguments, 0), _test(arguments)
    return [item for item in items if passes(item)]


def found(arguments: Arguments) -> JsonValue:
    """Return the first item that passes, else null.

    >>> found(([{"id": 1}, {"id": 2, "n": 3}], {"id": 2})), found(([1], 2))
    ({'id': 2, 'n': 3}, None)
    """
    items, passes = list_of(arguments, 0), _test(arguments)
    return next((item for item in items if passes(item)), None)


def picked(arguments: Arguments) -> JsonValue:
    """Return one item of a list or text, or one member of an object; null where it has none.

    A list of keys picks those members, as an object.

    >>> picked((["a", "b"], 1)), picked(({"a": 1, "b": 2}, "b")), picked(({"a": 1, "b": 2}, ["a"]))
    ('b', 2, {'a': 1})
    """
    source, key = arguments
    match source, key:
        case dict(), list():
            return {one: source[one] for one in key if isinstance(one, str) and one in source}
        case dict(), str():
            return _member(source, key)
        case list() | str(), int() if not isinstance(key, bool):
            return source[key] if -len(source) <= key < len(source) else None
        case dict(), _:
            return refuse("a key, or a list of keys,", key, 1)
        case list() | str(), _:
            return refuse("a position", key, 1)
        case _:
            return refuse("a list, an object or text", source, 0)


def size(arguments: Arguments) -> JsonValue:
    """Return how many items, members or characters there are.

    >>> size((["a", "b"],)), size(({},)), size(("abc",))
    (2, 0, 3)
    """
    value = arguments[0]
    if not isinstance(value, (list, dict, str)):
        refuse("a list, an object or text", value, 0)
    return len(value)


def _test(arguments: Arguments) -> Test:
    match arguments[1:]:
        case (dict() as members,):
            return lambda item: all(_member(item, key) == one for key, one in members.items())
        case (wanted,):
            return lambda item: _equal(item, wanted)
        case (str() as sign, wanted) if sign in _SIGNS:
            return lambda item: _SIGNS[sign](item, wanted)
        case (str() as key, *rest):
            return _of_member(key, rest)
        case others:
            return refuse("a key or a comparison, as text,", others[0], 1)


def _of_member(key: str, wish: list[JsonValue]) -> Test:
    match wish:
        case [wanted]:
            return lambda item: _equal(_member(item, key), wanted)
        case [str() as sign, wanted] if sign in _SIGNS:
            return lambda item: _SIGNS[sign](_member(item, key), wanted)
        case _:
            return refuse(f"one of {' '.join(_SIGNS)}", wish[0], 2)


def _member(item: JsonValue, key: str) -> JsonValue:
    """Return what a key, or keys with dots between them, leads to; null where that is nothing."""
    if isinstance(item, dict) and key in item:
        return item[key]
    try:
        return read_path(item, tuple(key.split(".")))
    except KeyError:
        return None


def _equal(left: JsonValue, right: JsonValue) -> bool:
    """Tell whether two values are the same; true is no 1, as JSON has it."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[JsonValue, JsonValue], bool]:
    """Compare numbers with numbers and texts with texts; all else is in no order."""

    def holds(left: JsonValue, right: JsonValue) -> bool:
        if isinstance(left, bool) or isinstance(right, bool):
            return False
        numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
        if not numbers and not (isinstance(left, str) and isinstance(right, str)):
            return False
        return compare(cast("float", left), cast("float", right))

    return holds


def _contains(left: JsonValue, right: JsonValue) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    return isinstance(left, (list, dict)) and any(_equal(one, right) for one in left)


_SIGNS: Mapping[str, Callable[[JsonValue, JsonValue], bool]] = {
    "=": _equal,
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
    "in": lambda left, right: _contains(right, left),
    "contains": _contains,
}
"""How two values may be compared."""
