"""Which values of an input a MongoDB document can have, and where (SPEC 9).

No operator comes from an input, integers have 64 bits, and what stands for a whole part of a
template is what that part is.
"""

from collections.abc import Iterator

from ductape.domain.found import kind_of
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.templates.documents import Spot

_OBJECTS = frozenset({"filter", "document"})
_NUMBERS = frozenset({"limit", "skip"})
_LARGEST = 2**63 - 1


def misfit(spot: Spot, value: JsonValue) -> tuple[str, str] | None:
    """Tell what a place would take instead of a value, and what was found; none if it fits."""
    if (key := operator_in(value)) is not None:
        return "a value without operators", f"the key `{key[:40]}`"
    if any(_is_too_large(one) for one in _all_in(value)):
        return "integers of at most 64 bits", "a larger one"
    match spot.steps:
        case (part,) if part in _OBJECTS and not isinstance(value, dict):
            return f"an object, as a {part} is", kind_of(value)
        case (part,) if part in _NUMBERS and not _counts(value):
            return "a whole number from 0 on", kind_of(value)
        case ("update", str()) if not isinstance(value, dict):
            return "an object of fields", kind_of(value)
        case _:
            return None


def operator_in(value: JsonValue) -> str | None:
    """Return a key of a value that MongoDB would take for an operator; none if there is none.

    >>> operator_in({"name": {"$ne": 1}}), operator_in({"name": "$ne"})
    ('$ne', None)
    """
    keys = (key for one in _all_in(value) if isinstance(one, dict) for key in one)
    return next((key for key in keys if key.startswith("$") or "\x00" in key), None)


def _all_in(value: JsonValue) -> Iterator[JsonValue]:
    """Yield a value and every one inside of it."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        yield one
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _is_too_large(value: JsonValue) -> bool:
    return isinstance(value, int) and not -_LARGEST - 1 <= value <= _LARGEST


def _counts(value: JsonValue) -> bool:
    """Tell whether a value says how many; null says nothing."""
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
