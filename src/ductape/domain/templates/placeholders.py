"""`{{name:TYPE:min:max}}`: what a database template asks of its input; `inputs.values` judges it.

The types are those of `datatypes`. A bound means what its type has: of
texts and UUIDs the number of characters, of numbers and dates the value, of lists the number of
items, of objects the number of keys. Null fits every type, unless the placeholder has a bound.
"""

import re
from datetime import date
from typing import TypeAlias

from msgspec import Struct

from ductape.domain.datatypes import ARRAY_OF, DATA_TYPES
from ductape.domain.parsing.nearest import hint_for

Bound: TypeAlias = int | float | date

FORM = "`{{name}}`, `{{name:TYPE}}` or `{{name:TYPE:min:max}}`"
ANY = "ANY"
"""The type of a placeholder that names none: whatever JSON it is given."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_NUMBER = re.compile(r"-?\d{1,400}(\.\d{1,400})?", re.ASCII)
SHAPE = re.compile(r"\{\{\s*([A-Za-z_][^{}\s,]*)\s*\}\}")
"""What counts as a placeholder inside of a text, where braces may be plain text as well."""


class Flawed(ValueError):
    """A placeholder that cannot be read: what was expected, what was found."""

    def __init__(self, expected: str, found: str, hint: str | None = None) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found
        self.hint = hint


class Placeholder(Struct, frozen=True):
    """One place in a template that a value of the input goes to."""

    name: str
    type: str = ANY
    least: Bound | None = None
    most: Bound | None = None

    @property
    def is_list(self) -> bool:
        """Whether only a list fits."""
        return self.type == "ARRAY" or self.type.endswith(ARRAY_OF)


def read_placeholder(inner: str) -> Placeholder:
    """Read what stands between the braces; raises `Flawed`.

    >>> read_placeholder("age:INTEGER:0:150")
    Placeholder(name='age', type='INTEGER', least=0, most=150)
    """
    name, *rest = (part.strip() for part in inner.split(":"))
    if not _NAME.fullmatch(name) or len(rest) > len(("type", "min", "max")):
        raise Flawed(f"a placeholder such as {FORM}", repr(f"{{{{{inner[:40]}}}}}"))
    type_name = (rest[0] if rest else "") or ANY
    if type_name != ANY and type_name not in DATA_TYPES:
        raise Flawed("one of the data types", repr(type_name), hint_for(type_name, DATA_TYPES, {}))
    least, most = (_bound(text, type_name) for text in (*rest[1:], "", "")[:2])
    if least is not None and most is not None and is_less(most, least):
        raise Flawed("a least bound below the most", f"{least} and {most}")
    return Placeholder(name, type_name, least, most)


def is_less(one: Bound, other: Bound) -> bool:
    """Tell whether one bound or measure is below another; dates compare with dates only."""
    if isinstance(one, date) or isinstance(other, date):
        return isinstance(one, date) and isinstance(other, date) and one < other
    return one < other


def _bound(text: str, type_name: str) -> Bound | None:
    if not text:
        return None
    if type_name in {"BOOLEAN", ANY}:
        raise Flawed(f"no bound in a placeholder of type {type_name}", repr(text))
    if type_name == "DATE":
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise Flawed("a bound such as 2026-12-31", repr(text)) from None
    if not _NUMBER.fullmatch(text):
        raise Flawed("a number as a bound", repr(text))
    return float(text) if "." in text else int(text)
