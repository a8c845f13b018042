"""What differs between two product documents, thing by thing.

Things in lists are found by their tag, slug or key, so that moving one is no change of its
neighbours: `apps[partner].actions[create_order].resource`. Only of options and of steps the order
means something, so that another one is told.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, TypedDict

from ductape.domain.found import path_to
from ductape.domain.jsonvalue import JsonObject, JsonValue

_NAMES = ("tag", "slug", "key")
_IN_ORDER = frozenset({"options", "events"})


class Change(TypedDict):
    """One difference."""

    op: Literal["added", "removed", "changed"]
    path: str


def differences(before: JsonObject, after: JsonObject) -> list[Change]:
    """List what was added, removed and changed, in the order of the later document.

    >>> [*differences({"tag": "a"}, {"tag": "a", "apps": [{"tag": "shop"}]})]
    [{'op': 'added', 'path': 'apps[shop]'}]
    """
    return [*_between(before, after, "")]


def _between(before: JsonValue, after: JsonValue, path: str) -> Iterator[Change]:
    old, new = _members(before, path), _members(after, path)
    if old is None or new is None:
        if before != after or type(before) is not type(after):
            yield Change(op="changed", path=path)
        return
    if path.rpartition(".")[2] in _IN_ORDER and _moved(old, new):
        yield Change(op="changed", path=path)
    for where, value in new.items():
        if where in old:
            yield from _between(old[where], value, where)
        else:
            yield from _whole(value, where, "added")
    for where, value in old.items():
        if where not in new:
            yield from _whole(value, where, "removed")


def _moved(old: Mapping[str, JsonValue], new: Mapping[str, JsonValue]) -> bool:
    """Tell whether what is in both stands in another order."""
    return [one for one in old if one in new] != [one for one in new if one in old]


def _whole(value: JsonValue, path: str, op: Literal["added", "removed"]) -> Iterator[Change]:
    """Tell of a list of things one by one, of anything else as one."""
    things = _named(value, path) if isinstance(value, list) else None
    for where in things or (path,):
        yield Change(op=op, path=where)


def _members(value: JsonValue, path: str) -> Mapping[str, JsonValue] | None:
    match value:
        case dict():
            return {path_to(path, key): member for key, member in value.items()}
        case list():
            return _named(value, path)
        case _:
            return None


def _named(items: list[JsonValue], path: str) -> dict[str, JsonValue] | None:
    """Return the things of a list by their names; none where some has no name of its own."""
    named = {f"{path}[{name}]": item for item in items if (name := _name_of(item)) is not None}
    return named if len(named) == len(items) else None


def _name_of(item: JsonValue) -> str | None:
    if not isinstance(item, dict):
        return None
    names = (item.get(key) for key in _NAMES)
    return next((name for name in names if isinstance(name, str)), None)
