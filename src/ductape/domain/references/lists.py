"""The operators that work on lists and objects: picking, filtering, finding, counting (SPEC 6).

`$Filter` and `$Find` say what they look for in one of four ways: a value that items equal, an
object of members that they have, a key and its value, or a comparison (`'>'`, `5`), also of a key
(`'age'`, `'>'`, `5`).
"""

from collections.abc import Callable, Mapping
from typing import cast

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references.arguments import Arguments, Mismatch, list_of, refuse
from ductape.domain.references.values import read_path

Test = Callable[[JsonValue], bool]

MOST_MEMBERS = 100
"""Of what is looked for in every item: more would take time by the square of an input's length."""


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
            return _reader(key)(source)
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
            return _having(members)
        case (wanted,):
            return lambda item: _equal(item, wanted)
        case (str() as sign, wanted) if sign in _SIGNS:
            return _SIGNS[sign](wanted)
        case (str() as key, *rest):
            passes, member = _of_member(rest), _reader(key)
            return lambda item: passes(member(item))
        case others:
            return refuse("a key or a comparison, as text,", others[0], 1)


def _having(members: Mapping[str, JsonValue]) -> Test:
    """Ask for all of some members."""
    if len(members) > MOST_MEMBERS:
        raise Mismatch(f"at most {MOST_MEMBERS} members to look for", f"{len(members)}")
    wanted = [(_reader(key), one) for key, one in members.items()]
    return lambda item: all(_equal(member(item), one) for member, one in wanted)


def _of_member(wish: list[JsonValue]) -> Test:
    match wish:
        case [wanted]:
            return lambda member: _equal(member, wanted)
        case [str() as sign, wanted] if sign in _SIGNS:
            return _SIGNS[sign](wanted)
        case _:
            return refuse(f"one of {' '.join(_SIGNS)}", wish[0], 2)


def _reader(key: str) -> Callable[[JsonValue], JsonValue]:
    """Return what reads a key, or keys with dots between them; null where that is nothing."""
    path = tuple(key.split("."))

    def read(item: JsonValue) -> JsonValue:
        if isinstance(item, dict) and key in item:
            return item[key]
        try:
            return read_path(item, path)
        except KeyError:
            return None

    return read


def _equal(left: JsonValue, right: JsonValue) -> bool:
    """Tell whether two values are the same; true is no 1, as JSON has it."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[JsonValue], Test]:
    """Compare numbers with numbers and texts with texts; all else is in no order."""

    def holds(left: JsonValue, right: JsonValue) -> bool:
        if isinstance(left, bool) or isinstance(right, bool):
            return False
        numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
        if not numbers and not (isinstance(left, str) and isinstance(right, str)):
            return False
        return compare(cast("float", left), cast("float", right))

    return lambda right: lambda left: holds(left, right)


def _containing(wanted: JsonValue) -> Test:
    """Ask for a text inside a text, or an item of a list."""

    def holds(item: JsonValue) -> bool:
        if isinstance(item, str):
            return isinstance(wanted, str) and wanted in item
        return isinstance(item, list) and any(_equal(one, wanted) for one in item)

    return holds


def _within(wanted: JsonValue) -> Test:
    """Ask for one of a list, or a part of a text; plain values are looked up, not compared."""
    if isinstance(wanted, str):
        return lambda item: isinstance(item, str) and item in wanted
    options = wanted if isinstance(wanted, list) else []
    plain = {_tagged(one) for one in options if not isinstance(one, (list, dict))}
    others = [one for one in options if isinstance(one, (list, dict))]
    if len(others) > MOST_MEMBERS:
        raise Mismatch(f"at most {MOST_MEMBERS} lists and objects to look for", f"{len(others)}")

    def holds(item: JsonValue) -> bool:
        if isinstance(item, (list, dict)):
            return any(_equal(item, one) for one in others)
        return _tagged(item) in plain

    return holds


def _tagged(value: JsonValue) -> tuple[bool, JsonValue]:
    return isinstance(value, bool), value


_SIGNS: Mapping[str, Callable[[JsonValue], Test]] = {
    "=": lambda wanted: lambda item: _equal(item, wanted),
    "==": lambda wanted: lambda item: _equal(item, wanted),
    "!=": lambda wanted: lambda item: not _equal(item, wanted),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
    "in": _within,
    "contains": _containing,
}
"""How an item may be compared with a value."""
