"""The fields of a cron expression, text to sets (SPEC 4).

Text comes in upper case, ASCII, without blanks. A set is an integer with a bit for each member;
an item that is wrong adds a fault and nothing to the set, so that every fault is found at once.
"""

import re
from typing import Final

from msgspec import Struct, field

from ductape.domain.cron.days import Dates, Weekdays
from ductape.errors import Fault, fault

_ITEM: Final = re.compile(
    r"(?:\*|(?P<low>[0-9]{1,9}|[A-Z]{3})(?:-(?P<high>[0-9]{1,9}|[A-Z]{3}))?)(?:/(?P<step>[0-9]{1,9}))?"
)
_NEAREST: Final = re.compile(r"([0-9]{1,9})W")
_LAST: Final = re.compile(r"([0-9]{1,9}|[A-Z]{3})L")
_NTH: Final = re.compile(r"([0-9]{1,9}|[A-Z]{3})#([0-9]{1,9})")

_MONTH_NAMES: Final = (
    *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
    *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
_WEEKDAY_NAMES: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

_UNRESTRICTED: Final = ("*", "?")
_MOST_IN_A_MONTH: Final = 5
_SUNDAY_AGAIN: Final = 7


class Field(Struct, frozen=True):
    """What one field may say."""

    title: str
    """As errors name it, with its article."""
    low: int
    high: int
    size: int
    """How many different values there are."""
    names: dict[str, int] = field(default_factory=dict[str, int])
    forms: str = "a range 1-5, a list 1,2 or a step */5"
    """What else may stand there, as errors tell it."""

    @property
    def bounds(self) -> str:
        """What it expects, as errors tell it."""
        return f"{self.title} from {self.low} to {self.high}"


SECOND: Final = Field("a second", 0, 59, 60)
MINUTE: Final = Field("a minute", 0, 59, 60)
HOUR: Final = Field("an hour", 0, 23, 24)
DATE: Final = Field(
    "a day of month", 1, 31, 31, forms="a range 1-5, a list 1,2, a step */5, ?, L, LW or 15W"
)
MONTH: Final = Field(
    "a month",
    1,
    12,
    12,
    dict(zip(_MONTH_NAMES, range(1, 13), strict=True)),
    forms="a name JAN, a range 1-5, a list 1,2 or a step */5",
)
WEEKDAY: Final = Field(
    "a day of week",
    0,
    7,
    7,
    dict(zip(_WEEKDAY_NAMES, range(7), strict=True)),
    forms="a name MON, a range 1-5, a list 1,2, a step */5, ?, 5L or 1#2",
)


class Faults:
    """What is wrong with one expression, all of it at the same path."""

    def __init__(self, path: str) -> None:
        """Start with none."""
        self.path = path
        self.found: list[Fault] = []

    def add(self, expected: str, found: str, *, hint: str | None = None) -> None:
        """Note one more."""
        self.found.append(fault(self.path, expected, f"'{found}'", hint=hint))


def read_set(field: Field, text: str, faults: Faults) -> int:
    """Read a field of plain values: seconds, minutes, hours, months."""
    found = 0
    for item in text.split(","):
        found |= _plain(field, item, faults)
    return found


def read_dates(text: str, faults: Faults) -> Dates | None:
    """Read the day of month; none where it is exactly `*` or `?` and so restricts nothing."""
    if text in _UNRESTRICTED:
        return None
    items = text.split(",")
    days = nearest = 0
    for item in items:
        if moved := _NEAREST.fullmatch(item):
            nearest |= 1 << _value(DATE, moved[1], faults)
        elif item not in {"L", "LW"}:
            days |= _plain(DATE, item, faults)
    return Dates(days, nearest, last="L" in items, last_weekday="LW" in items)


def read_weekdays(text: str, faults: Faults) -> Weekdays | None:
    """Read the day of week; none where it is exactly `*` or `?` and so restricts nothing."""
    if text in _UNRESTRICTED:
        return None
    days = last = 0
    nth: list[tuple[int, int]] = []
    for item in text.split(","):
        if ending := _LAST.fullmatch(item):
            last |= 1 << _value(WEEKDAY, ending[1], faults) % 7
        elif counted := _NTH.fullmatch(item):
            nth.append((_value(WEEKDAY, counted[1], faults) % 7, _count(counted[2], faults)))
        else:
            days |= _plain(WEEKDAY, item, faults)
    if days >> _SUNDAY_AGAIN:
        days = days & ~(1 << _SUNDAY_AGAIN) | 1
    return Weekdays(days, last, tuple(nth))


def _plain(field: Field, item: str, faults: Faults) -> int:
    """Read `*`, a value, a range, or one of these with a step."""
    parts = _ITEM.fullmatch(item)
    if parts is None:
        faults.add(f"{field.bounds}, {field.forms}", item)
        return 0
    low, high = _bounds(field, parts, faults)
    step = _step(field, parts["step"], faults)
    if low > high:
        faults.add(
            f"{field.title} range that rises", item, hint="ranges do not wrap: list both parts"
        )
    return sum(1 << value for value in range(low, high + 1, step))


def _bounds(field: Field, parts: re.Match[str], faults: Faults) -> tuple[int, int]:
    """Return the first and the last value that an item covers."""
    top = field.low + field.size - 1
    if parts["low"] is None:
        return field.low, top
    low = _value(field, parts["low"], faults)
    if parts["high"] is not None:
        return low, _value(field, parts["high"], faults)
    return low, low if parts["step"] is None else max(low, top)


def _value(field: Field, text: str, faults: Faults) -> int:
    """Read a number or a name; a wrong one counts as the lowest."""
    if text.isdigit():
        number = int(text)
        if field.low <= number <= field.high:
            return number
    elif text in field.names:
        return field.names[text]
    faults.add(field.bounds, text)
    return field.low


def _step(field: Field, text: str | None, faults: Faults) -> int:
    if text is None:
        return 1
    if 1 <= int(text) <= field.size:
        return int(text)
    faults.add(
        f"a step from 1 to {field.size}",
        f"/{text}",
        hint="a step starts anew with every round of its field; `every` counts on",
    )
    return 1


def _count(text: str, faults: Faults) -> int:
    if 1 <= int(text) <= _MOST_IN_A_MONTH:
        return int(text)
    faults.add(f"a count from 1 to {_MOST_IN_A_MONTH} after the #", text)
    return 1
