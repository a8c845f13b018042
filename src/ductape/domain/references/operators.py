"""The operators of the grammar, one row each (SPEC 6).

A new operator is a function and a row; neither the grammar nor `resolve` knows one by name.
Times are epoch milliseconds.
"""

from collections.abc import Callable, Mapping

from msgspec import Struct

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references import dates, lists, texts
from ductape.domain.references.arguments import Arguments, Mismatch, in_range, number_of

__all__ = ["OPERATORS", "Mismatch", "Operator"]


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
    braced: bool = False
    """Written with braces; brackets do as well."""


def _first(arguments: Arguments) -> JsonValue:
    return arguments[0]


def _add(arguments: Arguments) -> JsonValue:
    total: int | float = 0
    for position, argument in enumerate(arguments):
        total = in_range(total + number_of(argument, position))
    return total


def _subtract(arguments: Arguments) -> JsonValue:
    left, right = (number_of(argument, position) for position, argument in enumerate(arguments))
    return in_range(left - right)


def _row(usage: str, least: int, most: int, apply: Callable[[Arguments], JsonValue]) -> Operator:
    return Operator(usage=usage, least=least, most=most, apply=apply)


OPERATORS: Mapping[str, Operator] = {
    "Now": Operator(usage="$Now()", least=0, most=0, apply=_first, clocked=True),
    "Add": Operator(usage="$Add(number, number, …)", least=2, most=None, apply=_add),
    "Subtract": _row("$Subtract(number, number)", 2, 2, _subtract),
    "Concat": _row("$Concat([x, y, …], 'separator')", 1, 2, texts.concat),
    "Join": _row("$Join([x, y, …], 'separator')", 1, 2, texts.join),
    "Substring": _row("$Substring(text, start, end)", 2, 3, texts.substring),
    "Trim": _row("$Trim(text)", 1, 1, texts.trim),
    "Split": _row("$Split(text, 'separator')", 2, 2, texts.split),
    "Uppercase": _row("$Uppercase(text)", 1, 1, texts.uppercase),
    "Lowercase": _row("$Lowercase(text)", 1, 1, texts.lowercase),
    "Replace": _row("$Replace(text, 'sought', 'instead')", 3, 3, texts.replace),
    "Dateformat": _row("$Dateformat(instant, 'YYYY-MM-DD')", 2, 2, dates.dateformat),
    "Pick": _row("$Pick(x, key)", 2, 2, lists.picked),
    "Filter": _row("$Filter(list, …)", 2, 4, lists.filtered),
    "Find": _row("$Find(list, …)", 2, 4, lists.found),
    "Size": Operator(usage="$Size{x}", least=1, most=1, apply=lists.size, braced=True),
    "Length": Operator(usage="$Length{x}", least=1, most=1, apply=lists.size, braced=True),
    "Default": Operator(usage="$Default(x, y)", least=2, most=2, apply=_first, choosing=True),
}
