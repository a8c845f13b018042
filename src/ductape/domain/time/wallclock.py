"""A zone's wall clock: when it is moved, and when it shows a given time (SPEC 3).

Instants are UTC seconds since the epoch. A wall time is counted alike, as the seconds from
1970-01-01 00:00:00 on that wall, so that `wall = instant + offset`; offsets are seconds east of
UTC. A zone only has to answer `utcoffset`: its changes are found by asking.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import Final, TypeAlias

from msgspec import Struct

DAY_S: Final = 86_400
EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()

EARLIEST_S: Final = (date(1, 1, 2).toordinal() - EPOCH_ORDINAL) * DAY_S
LATEST_S: Final = (date(9999, 12, 30).toordinal() - EPOCH_ORDINAL) * DAY_S - 1
"""Between these two `datetime` can hold what any zone's wall shows, and the day after it."""

_PROBE_S: Final = 3 * DAY_S
"""No zone has moved its clock and moved it back within less than six days since 1950."""

_SECOND: Final = timedelta(seconds=1)

_Probe: TypeAlias = tuple[int, int]
"""An instant and the offset in force at it."""


class Change(Struct, frozen=True):
    """One moving of a zone's clock."""

    at_s: int
    """The first instant of the new offset."""
    before_s: int
    """The offset until then."""
    after_s: int
    """The offset from then on."""

    @property
    def skipped_s(self) -> int:
        """How many seconds the wall clock never shows; 0 where it is set back."""
        return max(0, self.after_s - self.before_s)

    @property
    def repeated_s(self) -> int:
        """How many seconds the wall clock shows twice; 0 where it is set forward."""
        return max(0, self.before_s - self.after_s)


def instants_showing(zone: tzinfo, wall_s: int) -> tuple[int, int]:
    """Return the first and the last instant at which the wall clock shows `wall_s`.

    They differ where a stretch is repeated. Of a time that is skipped, they are the first instant
    after the gap and the last one before it.
    """
    change = first_change(zone, wall_s - DAY_S, wall_s + DAY_S)
    if change is None:
        at_s = wall_s - offset_at(zone, wall_s)
        return at_s, at_s
    early, late = wall_s - change.before_s, wall_s - change.after_s
    first = early if early < change.at_s else max(late, change.at_s)
    last = late if late >= change.at_s else min(early, change.at_s - 1)
    return first, last


def end_of_repeat(zone: tzinfo, at_s: int) -> int:
    """Return the end of the second pass that `at_s` lies in, or `at_s` outside of one."""
    change = first_change(zone, at_s - DAY_S, at_s)
    return at_s if change is None else max(at_s, change.at_s + change.repeated_s)


def first_change(zone: tzinfo, since_s: int, until_s: int) -> Change | None:
    """Return the first change later than `since_s`, `until_s` included."""
    for year in range(_year_of(since_s), _year_of(until_s) + 1):
        for change in _changes_of(zone, year):
            if change.at_s > since_s:
                return change if change.at_s <= until_s else None
    return None


def offset_at(zone: tzinfo, at_s: int) -> int:
    """Return the offset in force at an instant."""
    moment = datetime.fromtimestamp(min(max(at_s, EARLIEST_S), LATEST_S), zone)
    return (moment.utcoffset() or timedelta()) // _SECOND


@lru_cache(maxsize=8192)
def _changes_of(zone: tzinfo, year: int) -> tuple[Change, ...]:
    """Return the changes of one year of UTC, in order."""
    first = max((date(year, 1, 1).toordinal() - EPOCH_ORDINAL) * DAY_S - 1, EARLIEST_S)
    last = min((date(year, 12, 31).toordinal() - EPOCH_ORDINAL + 1) * DAY_S - 1, LATEST_S)
    probes = [(at_s, offset_at(zone, at_s)) for at_s in (*range(first, last, _PROBE_S), last)]
    return tuple(change for low, high in pairwise(probes) for change in _narrowed(zone, low, high))


def _narrowed(zone: tzinfo, low: _Probe, high: _Probe) -> Iterator[Change]:
    """Find the changes between two probes by halving wherever the offsets differ."""
    (low_s, before_s), (high_s, after_s) = low, high
    if before_s == after_s:
        return
    if high_s - low_s == 1:
        yield Change(high_s, before_s, after_s)
        return
    middle_s = (low_s + high_s) // 2
    middle = (middle_s, offset_at(zone, middle_s))
    yield from _narrowed(zone, low, middle)
    yield from _narrowed(zone, middle, high)


def _year_of(at_s: int) -> int:
    return date.fromordinal(min(max(at_s, EARLIEST_S), LATEST_S) // DAY_S + EPOCH_ORDINAL).year
