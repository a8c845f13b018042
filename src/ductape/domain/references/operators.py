"""The operators of the grammar, one row each (SPEC 6).

A new operator is a function and a row; neither the grammar nor `resolve` knows one by name.
Times are epoch milliseconds.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Never

from msgspec import Struct

from ductape.domain.found import kind_of
from ductape.domain.jsonlimits import INTEGER_MAX, INTEGER_MIN
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references.values import as_text

Arguments = tuple[JsonValue, ...]


class Mismatch(Exception):
    """An argument has the wrong type or size; the texts never show its value."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


class Operator(Struct, frozen=True):
    """One operator."""

    usage: str
    """How it is written."""
    least: int
    """How many arguments it takes at least."""
    most: int | None
    """How many at most; none means any number."""
    apply: Callable[[Arguments], JsonValue]
    """Computes the value; raises `Mismatch`."""
    clocked: bool = False
    """Given the instant of the evaluation before its own arguments."""
    choosing: bool = False
    """Given one argument: the first that is neither missing nor null, else the last."""


def _first(arguments: Arguments) -> JsonValue:
    return arguments[0]


def _add(arguments: Arguments) -> JsonValue:
    total: int | float = 0
    for position, argument in enumerate(arguments):
        total = _in_range(total + _number(argument, position))
    return total


def _subtract(arguments: Arguments) -> JsonValue:
    left, right = (_number(argument, position) for position, argument in enumerate(arguments))
    return _in_range(left - right)


def _concat(arguments: Arguments) -> JsonValue:
    items = arguments[0]
    separator = _text(arguments[1], 1) if len(arguments) > 1 else ""
    if not isinstance(items, list):
        _mismatch("a list", items, 0)
    return separator.join(map(as_text, items))


def _uppercase(arguments: Arguments) -> JsonValue:
    return _text(arguments[0], 0).upper()


def _lowercase(arguments: Arguments) -> JsonValue:
    return _text(arguments[0], 0).lower()


def _text(value: JsonValue, position: int) -> str:
    if not isinstance(value, str):
        _mismatch("text", value, position)
    return value


def _number(value: JsonValue, position: int) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        _mismatch("a number", value, position)
    return _in_range(value)


def _in_range(number: float) -> int | float:
    fits = isfinite(number) if isinstance(number, float) else INTEGER_MIN <= number <= INTEGER_MAX
    if not fits:
        raise Mismatch("a number of at most 64 bits", "a larger one")
    return number


def _mismatch(expected: str, value: JsonValue, position: int) -> Never:
    raise Mismatch(f"{expected} as argument {position + 1}", kind_of(value))


OPERATORS: Mapping[str, Operator] = {
    "Now": Operator(usage="$Now()", least=0, most=0, apply=_first, clocked=True),
    "Add": Operator(usage="$Add(number, number, …)", least=2, most=None, apply=_add),
    "Subtract": Operator(usage="$Subtract(number, number)", least=2, most=2, apply=_subtract),
    "Concat": Operator(usage="$Concat([x, y, …], 'separator')", least=1, most=2, apply=_concat),
    "Uppercase": Operator(usage="$Uppercase(text)", least=1, most=1, apply=_uppercase),
    "Lowercase": Operator(usage="$Lowercase(text)", least=1, most=1, apply=_lowercase),
    "Default": Operator(usage="$Default(x, y)", least=2, most=2, apply=_first, choosing=True),
}

RESERVED = frozenset(
    {
        "Substring",
        "Trim",
        "Split",
        "Pick",
        "Join",
        "Dateformat",
        "Replace",
        "Filter",
        "Find",
        "Size",
        "Length",
    }
)
"""Operators of SPEC 6 without a row yet: an error, since plain text would change its meaning on
the day they get one."""
