"""Finding the texts of a JSON value that may hold references, with their paths (SPEC 6).

Keys are never parsed, and neither is what stands in `{"$literal": value}`. The walk goes no
deeper than SPEC 19 allows, and takes no stack for going down.
"""

from collections.abc import Iterator
from functools import reduce

from msgspec import Struct

from ductape.domain.found import path_to
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.references.grammar import DEEPEST

Steps = tuple[str | int, ...]
"""The keys and positions that lead from a value to a part of it."""

LITERAL = "$literal"


class Spot(Struct, frozen=True):
    """A text with a `$` in it."""

    steps: Steps
    text: str | None
    """None where something lies too deep to be looked into."""


def spots(value: JsonValue) -> Iterator[Spot]:
    """Yield every text with a `$`, in document order."""
    waiting: list[tuple[Steps, JsonValue]] = [((), value)]
    while waiting:
        steps, part = waiting.pop()
        match part:
            case str() if "$" in part:
                yield Spot(steps, part)
            case dict() | list() if len(steps) >= DEEPEST:
                yield Spot(steps, None)
            case dict() if not is_literal(part):
                waiting.extend([((*steps, key), part[key]) for key in reversed(part)])
            case list():
                last = len(part) - 1
                waiting.extend(
                    [((*steps, last - back), item) for back, item in enumerate(reversed(part))]
                )
            case _:
                pass


def needs_resolving(value: JsonValue) -> bool:
    """Tell quickly whether a value may change by being resolved.

    >>> needs_resolving({"a": [1, "x"]}), needs_resolving({"a": ["$Now()"]})
    (False, True)
    """
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                if "$" in text:
                    return True
            case dict() as members:
                if LITERAL in members:
                    return True
                waiting.extend(members.values())
            case list() as items:
                waiting.extend(items)
            case _:
                pass
    return False


def literal(value: JsonValue) -> JsonObject:
    """Wrap a value that is taken as it is, such as text that comes from people.

    >>> literal("costs $Now()")
    {'$literal': 'costs $Now()'}
    """
    return {LITERAL: value}


def is_literal(members: JsonObject) -> bool:
    """Tell whether an object is a wrapped value: it has that one key and no other."""
    return len(members) == 1 and LITERAL in members


def path_of(steps: Steps, path: str) -> str:
    """Write a place below a path.

    >>> path_of(("to", 0, "name"), "input")
    'input.to[0].name'
    """
    return reduce(path_to, steps, path)
