"""Which days of a month a cron expression allows (SPEC 4).

Sets are integers, one bit for each member: bit 1 to 31 for days of a month, bit 0 (Sunday) to 6
for weekdays.
"""

from calendar import monthrange
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

_FIRST_OF_EACH_WEEK: Final = sum(1 << day for day in (1, 8, 15, 22, 29))


class Dates(Struct, frozen=True):
    """What the day-of-month field asks for."""

    days: int = 0
    """Plain days."""
    nearest: int = 0
    """Days moved to the nearest weekday of the same month, as `15W`."""
    last: bool = False
    """`L`: the last day."""
    last_weekday: bool = False
    """`LW`: the last Monday to Friday."""


class Weekdays(Struct, frozen=True):
    """What the day-of-week field asks for."""

    days: int = 0
    """Every such weekday."""
    last: int = 0
    """Only the last of the month, as `5L`."""
    nth: tuple[tuple[int, int], ...] = ()
    """Only the nth of the month, as pairs (weekday, n) of `1#2`."""


class Days(Struct, frozen=True):
    """Both fields; none for one that restricts nothing."""

    dates: Dates | None = None
    weekdays: Weekdays | None = None


def days_of(days: Days, year: int, month: int) -> int:
    """Return the days of one month, as a set.

    Two restrictions are joined by OR, as the TypeScript system's parser has it.

    >>> bin(days_of(Days(dates=Dates(last=True)), 2100, 2)).count("0")
    29
    """
    monday_first, length = monthrange(year, month)
    first = (monday_first + 1) % 7
    whole = (2 << length) - 2
    if days.dates is None and days.weekdays is None:
        return whole
    found = 0
    if days.dates is not None:
        found |= _by_date(days.dates, first, length)
    if days.weekdays is not None:
        found |= _by_weekday(days.weekdays, first, length)
    return found & whole


def members(bits: int) -> Iterator[int]:
    """Yield a set's members in order.

    >>> list(members(0b1010))
    [1, 3]
    """
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _by_date(dates: Dates, first: int, length: int) -> int:
    found = dates.days
    if dates.last:
        found |= 1 << length
    if dates.last_weekday:
        found |= 1 << _nearest_weekday(length, first, length)
    for day in members(dates.nearest):
        if day <= length:
            found |= 1 << _nearest_weekday(day, first, length)
    return found


def _by_weekday(weekdays: Weekdays, first: int, length: int) -> int:
    found = 0
    for weekday in members(weekdays.days):
        found |= _FIRST_OF_EACH_WEEK << (weekday - first) % 7
    for weekday in members(weekdays.last):
        found |= 1 << length - (first + length - 1 - weekday) % 7
    for weekday, nth in weekdays.nth:
        found |= 1 << 1 + (weekday - first) % 7 + 7 * (nth - 1)
    return found


def _nearest_weekday(day: int, first: int, length: int) -> int:
    """Move a Saturday or Sunday to the nearest Monday to Friday, never out of the month."""
    match (first + day - 1) % 7:
        case 6:
            return day - 1 if day > 1 else day + 2
        case 0:
            return day + 1 if day < length else day - 2
        case _:
            return day
