"""How much of a quota is used: windows of a calendar, sliding spans, what is left (SPEC 9). Pure.

Instants and spans are milliseconds. What was used is kept as pairs of an instant and an amount. A
fixed window has one pair, at its start. A sliding one has a pair for each thousandth of its span:
so exact is the moment at which a use stops counting, and no stretch of that length ever holds more
than the limit.
"""

from calendar import monthrange
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, tzinfo
from itertools import accumulate
from typing import Literal

from msgspec import Struct

from ductape.domain.time.instants import LAST_INSTANT_MS
from ductape.domain.time.wallclock import (
    DAY_S,
    EPOCH_ORDINAL,
    first_change,
    instants_showing,
    offset_at,
)

Period = Literal["second", "minute", "hour", "day", "week", "month"]
Algorithm = Literal["fixed", "sliding"]

SPAN_MS: Mapping[Period, int] = {
    "second": 1_000,
    "minute": 60_000,
    "hour": 3_600_000,
    "day": 86_400_000,
    "week": 604_800_000,
    "month": 2_592_000_000,
}
"""How long a sliding window is; a month is thirty days."""

SLOTS = 1_000
"""Into how many pieces a sliding window is cut at most."""

_LAST_DAY = date.max.toordinal()
"""Days are counted as `date.toordinal` does: the calendar's end stops no sum of them."""

Uses = tuple[tuple[int, int], ...]
"""(instant, amount), oldest first."""


class Fixed(Struct, frozen=True):
    """A limit for one window, which begins and ends for everybody at once."""

    limit: int
    start_ms: int
    end_ms: int
    """The first instant after it."""


class Sliding(Struct, frozen=True):
    """A limit for every stretch of a length."""

    limit: int
    span_ms: int


Rule = Fixed | Sliding


class Verdict(Struct, frozen=True):
    """Whether an amount fits, and what is left."""

    success: bool
    remaining: int
    """After the amount was counted, where it was."""
    resets_at_ms: int
    """When nothing of what is used now counts any more; of a window, its end."""
    wait_ms: int
    """Until the amount may fit; 0 where it fits."""


def rule_at(limit: int, period: Period, algorithm: Algorithm, *, now_ms: int, zone: tzinfo) -> Rule:
    """Return the rule that holds at an instant.

    >>> from datetime import timezone
    >>> rule_at(5, "day", "fixed", now_ms=86_400_001, zone=timezone.utc)
    Fixed(limit=5, start_ms=86400000, end_ms=172800000)
    >>> rule_at(5, "day", "sliding", now_ms=0, zone=timezone.utc)
    Sliding(limit=5, span_ms=86400000)
    """
    if algorithm == "sliding":
        return Sliding(limit, SPAN_MS[period])
    start_ms, end_ms = window_at(period, now_ms, zone)
    return Fixed(limit, start_ms, end_ms)


def window_at(period: Period, now_ms: int, zone: tzinfo) -> tuple[int, int]:
    """Return the first instant of the window that holds `now_ms`, and the first one after it.

    Days, weeks (from Monday) and months are those of the zone's calendar. Shorter windows begin
    where the zone's wall clock shows a whole one. However long a change of the clock makes a
    window, the next one begins at its end; the last one ends with the calendar.

    >>> from zoneinfo import ZoneInfo
    >>> start, end = window_at("day", 1_774_746_000_000, ZoneInfo("Europe/Amsterdam"))
    >>> (end - start) / 3_600_000
    23.0
    """
    if period in ("second", "minute", "hour"):
        span_ms = SPAN_MS[period]
        return _whole_since(span_ms, now_ms, zone), _whole_after(span_ms, now_ms, zone)
    now_s = now_ms // 1000
    today = (now_s + offset_at(zone, now_s)) // DAY_S + EPOCH_ORDINAL
    first = _first_day(period, min(today, _LAST_DAY))
    after = _next_first(period, first)
    # Where a clock is set back over midnight, the day before is shown again for a while.
    while after <= _LAST_DAY and _begins(after, zone) <= now_ms:
        first, after = after, _next_first(period, after)
    return _begins(first, zone), _begins(after, zone) if after <= _LAST_DAY else LAST_INSTANT_MS


def still_counting(uses: Uses, rule: Rule, now_ms: int) -> Uses:
    """Return what still counts. A use later than `now_ms` does: clocks are set back at times."""
    match rule:
        case Fixed(start_ms=start_ms):
            return tuple(use for use in uses if use[0] >= start_ms)
        case Sliding(span_ms=span_ms):
            return tuple(use for use in uses if _leaves_at(use[0], span_ms) > now_ms)


def check(uses: Uses, rule: Rule, amount: int, now_ms: int) -> Verdict:
    """Tell whether an amount would fit, counting nothing.

    >>> check(((0, 3),), Fixed(5, 0, 1000), 2, 100)
    Verdict(success=True, remaining=2, resets_at_ms=1000, wait_ms=0)
    >>> check(((0, 3),), Fixed(5, 0, 1000), 3, 100)
    Verdict(success=False, remaining=2, resets_at_ms=1000, wait_ms=900)
    """
    live = still_counting(uses, rule, now_ms)
    used = _sum(live)
    fits = used + amount <= rule.limit
    return Verdict(
        success=fits,
        remaining=max(rule.limit - used, 0),
        resets_at_ms=_resets_at(live, rule, now_ms),
        wait_ms=0 if fits else _wait(live, rule, amount, now_ms),
    )


def increment(uses: Uses, rule: Rule, amount: int, now_ms: int) -> tuple[Uses, Verdict]:
    """Count an amount if it fits; return what is used then.

    >>> increment((), Sliding(2, 1000), 1, 100)
    (((100, 1),), Verdict(success=True, remaining=1, resets_at_ms=1100, wait_ms=0))
    >>> increment(((100, 2),), Sliding(2, 1000), 1, 400)[1].wait_ms
    700
    """
    live = still_counting(uses, rule, now_ms)
    verdict = check(live, rule, amount, now_ms)
    if not verdict.success:
        return live, verdict
    counted = Counter(dict(live))
    counted[_slot(rule, now_ms)] += amount
    grown = tuple(sorted(counted.items()))
    return grown, check(grown, rule, 0, now_ms)


def outlived_at(uses: Uses, rule: Rule, now_ms: int) -> int:
    """Return from when on nothing of it counts: it need not be kept any longer."""
    return max(_resets_at(uses, rule, now_ms), now_ms)


def _slot(rule: Rule, now_ms: int) -> int:
    match rule:
        case Fixed(start_ms=start_ms):
            return start_ms
        case Sliding(span_ms=span_ms):
            width = _width(span_ms)
            return now_ms // width * width


def _width(span_ms: int) -> int:
    return max(span_ms // SLOTS, 1)


def _leaves_at(slot_ms: int, span_ms: int) -> int:
    """Return when a use stops counting: as if all of a slot had been at its last instant."""
    return slot_ms + _width(span_ms) - 1 + span_ms


def _resets_at(live: Uses, rule: Rule, now_ms: int) -> int:
    match rule:
        case Fixed(end_ms=end_ms):
            return end_ms
        case Sliding(span_ms=span_ms):
            return _leaves_at(live[-1][0], span_ms) if live else now_ms


def _wait(live: Uses, rule: Rule, amount: int, now_ms: int) -> int:
    """Return how long until so much has left that the amount fits, or all of it."""
    match rule:
        case Fixed(end_ms=end_ms):
            return max(end_ms - now_ms, 1)
        case Sliding(span_ms=span_ms):
            used = _sum(live)
            for at_ms, counted in live:
                used -= counted
                if used + amount <= rule.limit:
                    return max(_leaves_at(at_ms, span_ms) - now_ms, 1)
            return span_ms


def _sum(uses: Uses) -> int:
    return sum(amount for _, amount in uses)


def _whole_since(span_ms: int, now_ms: int, zone: tzinfo) -> int:
    """Return the last instant, `now_ms` included, at which the wall clock shows a whole window."""
    start_ms = now_ms - _past_whole(span_ms, now_ms, zone)
    change = first_change(zone, start_ms // 1000, now_ms // 1000)
    # Before the change the wall clock showed another time than the one counted back to.
    return start_ms if change is None else _whole_since(span_ms, change.at_s * 1000 - 1, zone)


def _whole_after(span_ms: int, now_ms: int, zone: tzinfo) -> int:
    """Return the first instant later than `now_ms` at which the wall clock shows a whole window."""
    end_ms = now_ms - _past_whole(span_ms, now_ms, zone) + span_ms
    change = first_change(zone, now_ms // 1000, end_ms // 1000)
    if change is None:
        return end_ms
    changed_ms = change.at_s * 1000
    whole = _past_whole(span_ms, changed_ms, zone) == 0
    return changed_ms if whole else _whole_after(span_ms, changed_ms, zone)


def _past_whole(span_ms: int, now_ms: int, zone: tzinfo) -> int:
    return (now_ms + offset_at(zone, now_ms // 1000) * 1000) % span_ms


def _first_day(period: Period, day: int) -> int:
    match period:
        case "week":
            return day - date.fromordinal(day).weekday()
        case "month":
            return day - date.fromordinal(day).day + 1
        case _:
            return day


def _next_first(period: Period, first: int) -> int:
    """Return the day after a window's last one, be it beyond the calendar's end."""
    match period:
        case "week":
            return first + 7
        case "month":
            month = date.fromordinal(first)
            return first + monthrange(month.year, month.month)[1]
        case _:
            return first + 1


def _begins(day: int, zone: tzinfo) -> int:
    """Return the first instant at which the zone's wall clock shows a day."""
    return instants_showing(zone, (day - EPOCH_ORDINAL) * DAY_S)[0] * 1000


def weighted(weights: Sequence[float], draw: float) -> int:
    """Choose a place by weight; `draw` is a number from 0 up to, not including, 1.

    >>> [weighted([1, 3], draw) for draw in (0.0, 0.24, 0.25, 0.99)]
    [0, 0, 1, 1]
    """
    reached = draw * sum(weights)
    for at, sum_so_far in enumerate(accumulate(weights)):
        if reached < sum_so_far:
            return at
    return len(weights) - 1
