"""Rows as JSON, counted while they are read, so that none are read beyond what is allowed.

Instants, dates and times become ISO 8601 text; decimals text, exact; UUIDs text; bytes base64;
integers of more than 64 bits, and floats that are no number, text. A column whose name has been
used gets a number.
"""

import math
from base64 import b64encode
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import cast

import msgspec

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import ResultTooLarge

_MOST = 2**64 - 1
_LEAST = -(2**63)


class Rows:
    """The rows of one action, as far as they have been read."""

    def __init__(self, max_bytes: int) -> None:
        """Allow so many bytes of JSON."""
        self.rows: list[JsonObject] = []
        self._left = max_bytes
        self._max = max_bytes

    def add(self, names: Sequence[str], cells: Sequence[object]) -> None:
        """Take one row; raises `ResultTooLarge` where it is one too many."""
        # A cell may have a GiB: it is measured before it is written out, and written out again.
        sized = (cell for cell in cells if isinstance(cell, (str, bytes, bytearray)))
        if sum(map(len, sized)) > self._left:
            raise self._too_many()
        self.take({name: as_json(cell) for name, cell in zip(names, cells, strict=True)})

    def take(self, row: JsonObject) -> None:
        """Take one row that is JSON already."""
        self._left -= len(msgspec.json.encode(row)) + 1
        if self._left < 0:
            raise self._too_many()
        self.rows.append(row)

    def _too_many(self) -> ResultTooLarge:
        return ResultTooLarge(
            f"the rows have more than {self._max} bytes as JSON",
            hint="read fewer, with LIMIT or a narrower filter, or raise max_result_bytes",
        )


def names_of(columns: Sequence[str]) -> list[str]:
    """Return a name of its own for each column.

    >>> names_of(["id", "name", "id"])
    ['id', 'name', 'id_2']
    """
    names: list[str] = []
    for column in columns:
        name, number = column, 1
        while name in names:
            number += 1
            name = f"{column}_{number}"
        names.append(name)
    return names


def as_json(cell: object) -> JsonValue:
    """Return a cell as JSON.

    >>> as_json(Decimal("1.10")), as_json(float("nan")), as_json(b"x"), as_json(2**70)
    ('1.10', 'NaN', 'eA==', '1180591620717411303424')
    """
    match cell:
        case None | bool():
            return cell
        case int() | float():
            return _figure(cell)
        case list() | tuple():
            return [as_json(one) for one in cast("list[object]", cell)]
        case dict():
            members = cast("dict[object, object]", cell)
            return {str(key): as_json(value) for key, value in members.items()}
        case _:
            return _as_text(cell)


def _figure(number: float) -> JsonValue:
    if isinstance(number, int):  # or a driver's own kind of one
        return int(number) if _LEAST <= number <= _MOST else str(number)
    return number if math.isfinite(number) else _no_number(number)


def _as_text(cell: object) -> str:
    match cell:
        case bytes() | bytearray():
            return b64encode(cell).decode()
        case datetime() | date() | time():
            return cell.isoformat()
        case timedelta():
            return _clock_text(cell)
        case Decimal():
            return format(cell, "f") if cell.is_finite() else str(cell)
        case _:
            return str(cell)


def _no_number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _clock_text(span: timedelta) -> str:
    """Write a span as MySQL writes its TIME.

    >>> _clock_text(timedelta(hours=-30, minutes=-1))
    '-30:01:00'
    """
    total = abs(span)
    seconds, micros = total.days * 86_400 + total.seconds, total.microseconds
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    sign = "-" if span < timedelta() else ""
    return f"{sign}{text}.{micros:06}" if micros else f"{sign}{text}"
