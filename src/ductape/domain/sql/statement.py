"""What a database is sent: the template's own text, and beside it the values for its parameters.

No value of an input ever becomes part of the text, whatever its type. A list in `IN (…)` becomes as
many parameters; anywhere else PostgreSQL takes it as an array, the others as JSON.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec
from msgspec import Struct

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.placeholders import Placeholder
from ductape.domain.sql.lexing import Dialect
from ductape.domain.sql.template import Slot, SqlTemplate

Scalar: TypeAlias = str | int | float | bool | None
Parameter: TypeAlias = Scalar | list[Scalar]

_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_NO_ROWS = "SELECT NULL FROM (SELECT 1) AS none_of_them WHERE 1 = 0"

_CASTS: Mapping[str, str] = {
    "INTEGER": "bigint",
    "FLOAT": "double precision",
    "DOUBLE": "double precision",
    "UUID": "uuid",
    "DATE": "date",
    "BOOLEAN": "boolean",
}
"""What an empty set is a set of, for PostgreSQL, which compares like with like only."""


class Statement(Struct, frozen=True):
    """One statement with its parameters."""

    text: str
    parameters: tuple[Parameter, ...] = ()

    def __repr__(self) -> str:
        """Keep the values out of every log and traceback."""
        return f"Statement({self.text!r})"


def statement_of(template: SqlTemplate, value_of: Callable[[Placeholder], JsonValue]) -> Statement:
    """Fill a template's slots with parameters; presumes that the values have been judged."""
    writer = _Writer(template.dialect)
    for part in template.parts:
        if isinstance(part, str):
            writer.texts.append(part)
        else:
            writer.take(part, value_of(part.placeholder))
    return Statement("".join(writer.texts), tuple(writer.parameters))


class _Writer:
    """A statement that is being written."""

    __slots__ = ("dialect", "parameters", "texts")

    def __init__(self, dialect: Dialect) -> None:
        self.dialect: Dialect = dialect
        self.texts: list[str] = []
        self.parameters: list[Parameter] = []

    def take(self, slot: Slot, value: JsonValue) -> None:
        """Put a value where a slot is."""
        if not slot.in_list or not isinstance(value, list):
            self.texts.append(self._bound(slot.placeholder, value))
        elif value or not slot.whole_list:
            bound = [self._bound(slot.placeholder, one) for one in (value or [None])]
            self.texts.append(", ".join(bound))
        else:
            self.texts.append(_nothing(slot.placeholder, self.dialect))

    def _bound(self, placeholder: Placeholder, value: JsonValue) -> str:
        self.parameters.append(_parameter(placeholder, value, self.dialect))
        return f"${len(self.parameters)}" if self.dialect == "postgresql" else "?"


def _parameter(placeholder: Placeholder, value: JsonValue, dialect: Dialect) -> Parameter:
    match value:
        # Objects are JSON, also where there are none: an empty array would be an empty object.
        case list() if dialect == "postgresql" and not _holds_objects(placeholder, value):
            return [_scalar(placeholder, one) for one in value]
        case list() | dict():
            return msgspec.json.encode(value).decode()
        case _:
            return _scalar(placeholder, value)


def _scalar(placeholder: Placeholder, value: JsonValue) -> Scalar:
    match value:
        case list() | dict():
            return msgspec.json.encode(value).decode()
        case int() if placeholder.type.removesuffix("_ARRAY") in _FLOATS:
            return float(value)
        case _:
            return value


def _holds_objects(placeholder: Placeholder, value: list[JsonValue]) -> bool:
    return placeholder.type == "OBJECT_ARRAY" or any(isinstance(one, (list, dict)) for one in value)


def _nothing(placeholder: Placeholder, dialect: Dialect) -> str:
    """Write a set with nothing in it: `IN ()` is no SQL."""
    if dialect != "postgresql":
        return _NO_ROWS
    cast = _CASTS.get(placeholder.type.removesuffix("_ARRAY"), "text")
    return f"SELECT NULL::{cast} WHERE false"
