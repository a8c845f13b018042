"""Judging what the placeholders of a database template are given: type and bounds (SPEC 9)."""

import sys
from datetime import date
from functools import lru_cache
from typing import Literal

from ductape.domain.datatypes import ARRAY_OF, DATA_TYPES
from ductape.domain.found import kind_of
from ductape.domain.inputs.pending import pending
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.templates.placeholders import ANY, Bound, Placeholder, is_less
from ductape.errors import Fault, fault

_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_NUMBERS = frozenset({"INTEGER", *_FLOATS})
_MOST_INTEGER = 2**63 - 1
_MOST_FLOAT = sys.float_info.max


def value_fault(
    wanted: Placeholder, value: JsonValue, path: str, *, resolved: bool
) -> Fault | None:
    """Tell what is wrong with the value that a placeholder is given; none if nothing is."""
    if pending(value, resolved=resolved):
        return None
    if value is None:
        bounded = wanted.least is not None or wanted.most is not None
        return fault(path, _described(wanted), "null") if bounded else None
    if not _fits(wanted, value, resolved=resolved):
        return fault(path, _described(wanted), kind_of(value))
    size = _measure(wanted.type, value)
    below = wanted.least is not None and is_less(size, wanted.least)
    if below or (wanted.most is not None and is_less(wanted.most, size)):
        return fault(path, _described(wanted), f"{_what(wanted.type)} of {size}")
    return None


def _fits(wanted: Placeholder, value: JsonValue, *, resolved: bool) -> bool:
    if wanted.type in {ANY, "ARRAY"}:
        is_list = isinstance(value, list)
        items = value if isinstance(value, list) else [value]
        return (is_list or wanted.type == ANY) and all(_storable(one, ANY) for one in items)
    if wanted.type.endswith(ARRAY_OF):
        item = wanted.type.removesuffix(ARRAY_OF)
        return isinstance(value, list) and all(
            pending(one, resolved=resolved) or (DATA_TYPES[item](one) and _storable(one, item))
            for one in value
        )
    return DATA_TYPES[wanted.type](value) and _storable(value, wanted.type)


def _storable(value: JsonValue, type_name: str) -> bool:
    """Tell whether a database can hold a number: its integers have 64 bits, as its floats have."""
    if not isinstance(value, int):
        return True
    if type_name in _FLOATS:
        return -_MOST_FLOAT <= value <= _MOST_FLOAT
    return -_MOST_INTEGER - 1 <= value <= _MOST_INTEGER


def _measure(type_name: str, value: JsonValue) -> Bound:
    if type_name == "DATE" and isinstance(value, str):
        return date.fromisoformat(value)
    if isinstance(value, (str, list, dict)):
        return len(value)
    return value if isinstance(value, (int, float)) else 0


@lru_cache(maxsize=1_000)
def _described(wanted: Placeholder) -> str:
    kind = "a value that a column can hold" if wanted.type == ANY else wanted.type
    if wanted.type == "INTEGER":
        kind += " of at most 64 bits"
    bounds = [
        f"{word} {bound}"
        for word, bound in (("at least", wanted.least), ("at most", wanted.most))
        if bound is not None
    ]
    return f"{kind} with {_what(wanted.type)} of {' and '.join(bounds)}" if bounds else kind


def _what(type_name: str) -> Literal["a value", "a length"]:
    return "a value" if type_name in _NUMBERS or type_name == "DATE" else "a length"
