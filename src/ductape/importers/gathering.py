"""Reading a document and all that it refers to, before anything is converted.

Bounded in number and depth; what cannot be read, beside the first document, is remembered with
its reason and told where something needs it.
"""

from collections.abc import Awaitable, Callable, Iterator
from math import isfinite

from ductape.domain.jsonvalue import JsonValue
from ductape.errors import DuctapeError, invalid
from ductape.importers.documents import (
    Documents,
    is_web,
    located,
    pointer_to,
    reference_of,
    self_of,
)
from ductape.importers.resources import resources_of

Read = Callable[[str], Awaitable[JsonValue]]
"""Returns the value at a location; raises `DuctapeError` where there is none."""

Keys = tuple[str, ...]

MOST_DOCUMENTS = 5_000
DEEPEST = 128
"""Objects and lists inside one another."""


async def gather(root: str, read: Read) -> Documents:
    """Read a document and what it refers to; raises `DuctapeError` for the first one only."""
    found: dict[str, JsonValue] = {}
    missing: dict[str, str] = {}
    odd: list[str] = []
    selves: dict[str, str] = {}
    waiting = [root]
    while waiting:
        location = waiting.pop(0)
        try:
            value = await _one(location, read, number=len(found))
            named = _named_in(value, location)
        except DuctapeError as error:
            if location == root:
                raise
            missing[location] = error.message
            continue
        here = "" if location == root else location
        inside = _without_odd(value, (), set()) if _has_odd(value) else ()
        odd += [here + pointer_to(*keys) for keys in inside]
        found[location] = value
        if own := self_of(value):
            selves.setdefault(own, location)
        waiting += sorted(named - {*found, *missing, *waiting, *selves})
    return Documents(root, found, missing, odd=odd, selves=selves)


def _has_odd(value: JsonValue) -> bool:
    """Tell quickly whether a number is in a value that JSON has not: hardly one ever is."""
    waiting, seen = [value], set[int]()
    while waiting:
        part = waiting.pop()
        if not isinstance(part, (dict, list)) or id(part) in seen:
            continue
        seen.add(id(part))
        for one in part.values() if isinstance(part, dict) else part:
            if isinstance(one, (dict, list)):
                waiting.append(one)
            elif _is_odd(one):
                return True
    return False


def _without_odd(value: JsonValue, keys: Keys, seen: set[int]) -> Iterator[Keys]:
    """Take the numbers that JSON has not out of a value of bounded depth; yield their places."""
    if not isinstance(value, (dict, list)):
        return
    seen.add(id(value))
    for key, one in [*(value.items() if isinstance(value, dict) else enumerate(value))]:
        if _is_odd(one):
            yield (*keys, str(key))
        elif isinstance(one, (dict, list)) and id(one) not in seen:
            yield from _without_odd(one, (*keys, str(key)), seen)
    if isinstance(value, list):
        value[:] = [one for one in value if not _is_odd(one)]
        return
    for key in [key for key, one in value.items() if _is_odd(one)]:
        del value[key]


def _is_odd(value: JsonValue) -> bool:
    return isinstance(value, float) and not isfinite(value)


def _named_in(value: JsonValue, location: str) -> set[str]:
    """Return the documents that one refers to, those apart that it has in itself by an `$id`."""
    leading = [*references(value)]
    inside = resources_of({location: value})
    return {
        located(reference, location)[0]
        for holder, reference in leading
        if inside.target(reference, location, holder) is None
    }


def references(value: JsonValue) -> Iterator[tuple[JsonValue, str]]:
    """Yield what refers out of a document, and its reference.

    Raises `ValidationError` if the document is too deep.
    """
    waiting = [(value, 1)]
    seen: dict[int, int] = {}
    while waiting:
        part, depth = waiting.pop()
        if not isinstance(part, (dict, list)) or seen.get(id(part), 0) >= depth:
            continue  # An alias of YAML: looked into already, from no lesser depth.
        seen[id(part)] = depth
        if depth > DEEPEST:
            raise invalid("", f"at most {DEEPEST} levels of nesting", "a deeper one")
        reference = reference_of(part)
        if reference is not None and not reference.startswith("#"):
            yield part, reference
        inside = part.values() if isinstance(part, dict) else part
        waiting += [(one, depth + 1) for one in inside]


async def _one(location: str, read: Read, *, number: int) -> JsonValue:
    if number >= MOST_DOCUMENTS:
        raise invalid("", f"at most {MOST_DOCUMENTS} documents", "more")
    if location.startswith(("../", "/")) or location == "..":
        raise invalid("", "a file in the folder of the first one", "one outside of it")
    if is_web(location) and not location.startswith(("https:", "http:")):
        raise invalid("", "a file, or an http or https URL", "another kind of address")
    return await read(location)
