"""What a database is sent: the template's own text, and beside it the values for its parameters.

No value of an input ever becomes part of the text, whatever its type. A list in `IN (…)` becomes as
many items, an empty one none; anywhere else PostgreSQL takes it as an array, the others as JSON.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import msgspec
from msgspec import Struct

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.templates.placeholders import Placeholder
from ductape.domain.templates.sql.lexing import Dialect
from ductape.domain.templates.sql.lists import Item, ItemList, Part, Slot
from ductape.domain.templates.sql.template import SqlTemplate

Scalar: TypeAlias = str | int | float | bool | None
Parameter: TypeAlias = Scalar | list[Scalar]

_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_NO_ROWS = "SELECT NULL FROM (SELECT 1) AS none_of_them WHERE 1 = 0"

_NOTHING_TO_POSTGRES = {False: "OPERATOR(=) ANY ('{}'", True: "OPERATOR(<>) ALL ('{}'"}
"""What `IN (` and `NOT IN (` are to PostgreSQL with nothing in them, as it compares like with like:
an array of whatever is on the left, by an operator that binds no less tightly than `IN`."""


class Statement(Struct, frozen=True):
    """One statement with its parameters."""

    text: str
    parameters: tuple[Parameter, ...] = ()

    def __repr__(self) -> str:
        """Keep the values out of every log and traceback."""
        return f"Statement({self.text!r})"


def statement_of(template: SqlTemplate, value_of: Callable[[Placeholder], JsonValue]) -> Statement:
    """Fill a template's slots with parameters; presumes that the values have been judged."""
    writer = _Writer(template.dialect, value_of)
    writer.take(template.parts)
    return Statement("".join(writer.texts), tuple(writer.parameters))


class _Writer:
    """A statement that is being written."""

    __slots__ = ("_value_of", "dialect", "parameters", "texts")

    def __init__(self, dialect: Dialect, value_of: Callable[[Placeholder], JsonValue]) -> None:
        self.dialect: Dialect = dialect
        self._value_of = value_of
        self.texts: list[str] = []
        self.parameters: list[Parameter] = []

    def take(self, parts: Iterable[Part]) -> None:
        """Write parts, with values where there are slots."""
        for part in parts:
            match part:
                case str():
                    self.texts.append(part)
                case Slot(placeholder):
                    self.texts.append(self._bound(placeholder, self._value_of(placeholder)))
                case ItemList():
                    self._take_list(part)

    def _take_list(self, items: ItemList) -> None:
        self.texts.append(items.opening)
        first = len(self.texts)
        for item in items.items:
            self._take_item(item, first)
        if len(self.texts) == first and self.dialect == "postgresql":
            self.texts[-1] = _NOTHING_TO_POSTGRES[items.negated]
        elif len(self.texts) == first:
            self.texts.append(_NO_ROWS)
        self.texts.append(")")

    def _take_item(self, item: Item, first: int) -> None:
        """Write an item: given a list, once for each of its values."""
        value = None if item.slot is None else self._value_of(item.slot.placeholder)
        if item.slot is None or not isinstance(value, list):
            self._separate(first)
            self.take(item.parts)
            return
        for one in value:
            self._separate(first)
            self.take(item.before)
            self.texts.append(self._bound(item.slot.placeholder, one))
            self.take(item.after)

    def _separate(self, first: int) -> None:
        if len(self.texts) > first:
            self.texts.append(",")

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
