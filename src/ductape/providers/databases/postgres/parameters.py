"""How values are sent to PostgreSQL: integers by one type, and as text what has no type of its own.

A text or a null goes without a type, so that it takes that of its column. Where there is none to
take, as in `CONCAT('x', $1)` or `$1 IS NULL`, PostgreSQL refuses the parameter, though a literal
in its place would be text. It says which one, and is sent that one as text from then on.
"""

import re
from collections.abc import Sequence
from typing import TypeGuard

from msgspec import Struct
from psycopg import AsyncConnection, DataError
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.errors import IndeterminateDatatype
from psycopg.rows import TupleRow
from psycopg.types.numeric import Int4, Int8

from ductape.domain.templates.sql import Statement
from ductape.domain.templates.sql.statement import Parameter, Scalar

_INT4, _INT8 = 2**31, 2**63
_TEXT = 25
"""The server's own number of the type."""
_NUMBER = re.compile(r"\$(\d+)")
_MOST_TEXTS = 1_000
"""How many statements are remembered for a database."""


class Text(Struct, frozen=True):
    """A text or a null that is told to be text."""

    value: str | None


class Again(DataError):
    """More is known now of a statement's parameters: it may be tried again."""


Sent = Parameter | Text | Int4 | Int8 | list[Scalar | Int4 | Int8]


class Parameters:
    """What is known of the parameters of one database's statements."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._texts: dict[str, frozenset[int]] = {}

    def of(self, statement: Statement) -> list[Sent]:
        """Return a statement's values as the server takes them."""
        texts = self._texts.get(statement.text, frozenset())
        return [
            Text(one) if at in texts and _is_untold(one) else _sent(one)
            for at, one in enumerate(statement.parameters, 1)
        ]

    def learn(self, text: str, sent: Sequence[Sent], refused: IndeterminateDatatype) -> bool:
        """Take notice of a parameter that has no type; tell whether telling one may help."""
        found = _NUMBER.search(refused.diag.message_primary or "")
        number = int(found[1]) if found else 0
        if not 0 < number <= len(sent) or not _is_untold(sent[number - 1]):
            return False
        known = self._texts.pop(text, frozenset())
        while len(self._texts) >= _MOST_TEXTS:
            del self._texts[next(iter(self._texts))]
        self._texts[text] = known | {number}
        return True


def register_text(connection: AsyncConnection[TupleRow]) -> None:
    """Let a connection send `Text`."""
    connection.adapters.register_dumper(Text, _TextDumper)


class _TextDumper(Dumper):
    oid = _TEXT

    def dump(self, obj: Text) -> Buffer | None:
        return None if obj.value is None else obj.value.encode()


def _is_untold(value: Sent) -> TypeGuard[str | None]:
    """Tell whether a value goes without a type."""
    return value is None or isinstance(value, str)


def _sent(value: Parameter) -> Sent:
    match value:
        case bool():
            return value
        case int():
            return _integer(value)
        case list() if any(type(one) is int for one in value):
            return _integers(value)
        case _:
            return value


def _integer(value: int) -> int | Int4 | Int8:
    if -_INT4 <= value < _INT4:
        return Int4(value)
    return Int8(value) if -_INT8 <= value < _INT8 else value


def _integers(values: Sequence[Scalar]) -> list[Scalar | Int4 | Int8]:
    whole = [one for one in values if type(one) is int]
    if any(not -_INT8 <= one < _INT8 for one in whole):
        return list(values)
    kind = Int4 if all(-_INT4 <= one < _INT4 for one in whole) else Int8
    return [kind(one) if type(one) is int else one for one in values]
