"""The instants of a cron expression in a zone, across every change of its clock (SPEC 4).

Between two changes a wall time is an instant, less an offset. At a change the two kinds of entry
part: a *wild* one runs at every real instant whose wall clock matches, both passes of a repeated
stretch and none of a gap; a *fixed* one runs at the first pass only, and what a gap skips runs
once, at the first instant after it.
"""

from datetime import tzinfo
from typing import Final

from ductape.domain.cron.schedule import Cron, next_wall
from ductape.domain.time.wallclock import (
    DAY_S,
    EARLIEST_S,
    LATEST_S,
    end_of_repeat,
    first_change,
    offset_at,
)

_LOOKAHEAD_S: Final = 100 * 366 * DAY_S
"""Matching dates lie at most 40 years apart; what a century does not hold never comes."""


def nears_the_end(after_ms: int) -> bool:
    """Tell whether the calendar ends before a century after an instant does."""
    return after_ms // 1000 + _LOOKAHEAD_S > LATEST_S


def next_after(cron: Cron, after_ms: int, zone: tzinfo) -> int | None:
    """Return the first instant strictly later than `after_ms`, both in epoch milliseconds.

    None where a century holds none (a wild entry that only ever falls into a gap) or the calendar
    ends.
    """
    since = min(max(after_ms // 1000, EARLIEST_S), LATEST_S)
    until = min(since + _LOOKAHEAD_S, LATEST_S)
    offset = offset_at(zone, since)
    start = since + 1 if cron.wild else max(since + 1, end_of_repeat(zone, since))
    while start <= until:
        wall = next_wall(cron, start + offset, until)
        if wall is None:
            return None
        found = wall - offset
        change = first_change(zone, since, found)
        if change is None:
            return found * 1000
        if not cron.wild and found < change.at_s + change.skipped_s:
            return change.at_s * 1000
        since, offset = change.at_s, change.after_s
        start = since if cron.wild else since + change.repeated_s
    return None
