"""A parsed cron expression, and its walk over wall times (SPEC 4).

Wall times are seconds from 1970-01-01 00:00:00 on the wall, whatever the zone. Sets are integers,
one bit for each member, so that the next member is a shift away however far it lies.
"""

from datetime import date
from typing import Final

from msgspec import Struct

from ductape.domain.cron.days import Days, days_of
from ductape.domain.time.wallclock import DAY_S, EPOCH_ORDINAL

_ALL_KINDS_OF_YEAR: Final = range(2000, 2028)
"""Seven leap years and the rest: each kind of year begins on each weekday."""


class Cron(Struct, frozen=True):
    """The wall times that an expression matches."""

    seconds: int
    """Of the minute, bit 0 to 59."""
    minutes: int
    """Of the day, bit 0 to 1439: hours and minutes together."""
    months: int
    """Bit 1 to 12."""
    days: Days
    """Of the month."""
    wild: bool
    """Whether the minute or hour field begins with `*`: what a change of the clock means to it."""


def next_wall(cron: Cron, wall_s: int, until_s: int) -> int | None:
    """Return the first matching wall time at or after `wall_s`; none beyond the year of `until_s`.

    It may return one later than `until_s` in that year.
    """
    day, clock_s = divmod(wall_s, DAY_S)
    later_today = _next_clock(cron, clock_s)
    found = _next_day(cron, day if later_today is not None else day + 1, until_s // DAY_S)
    if found is None:
        return None
    if found == day and later_today is not None:
        return day * DAY_S + later_today
    return found * DAY_S + _first_clock(cron)


def occurs(cron: Cron) -> bool:
    """Tell whether any date matches at all; `0 0 30 2 *` has none."""
    return any(
        cron.months >> month & 1 and days_of(cron.days, year, month)
        for year in _ALL_KINDS_OF_YEAR
        for month in range(1, 13)
    )


def _next_clock(cron: Cron, clock_s: int) -> int | None:
    """Return the first matching second of the day at or after `clock_s`."""
    minute, second = divmod(clock_s, 60)
    if cron.minutes >> minute & 1:
        later = _next_member(cron.seconds, second)
        if later is not None:
            return minute * 60 + later
    following = _next_member(cron.minutes, minute + 1)
    return None if following is None else following * 60 + _lowest(cron.seconds)


def _first_clock(cron: Cron) -> int:
    return _lowest(cron.minutes) * 60 + _lowest(cron.seconds)


def _next_day(cron: Cron, day: int, until_day: int) -> int | None:
    """Return the first matching day, counted from the epoch, at or after `day`."""
    start = date.fromordinal(day + EPOCH_ORDINAL)
    year, month, floor = start.year, start.month, start.day
    last_year = date.fromordinal(until_day + EPOCH_ORDINAL).year
    while year <= last_year:
        if cron.months >> month & 1:
            found = _next_member(days_of(cron.days, year, month), floor)
            if found is not None:
                return date(year, month, found).toordinal() - EPOCH_ORDINAL
        year, month, floor = year + month // 12, month % 12 + 1, 1
    return None


def _next_member(bits: int, floor: int) -> int | None:
    rest = bits >> floor
    return floor + _lowest(rest) if rest else None


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1
