"""When a recurring job is due (SPEC 4).

A recurrence is a set of instants at or after its *anchor*: the grid `anchor + k * every`, or
every match of a cron expression (and the anchor itself, with `immediately`), up to the end date,
that included. Each question below is about that set, so that a later `now` is all that catching
up takes. Instants are epoch milliseconds.
"""

from bisect import bisect_left

from ductape.domain.cron import nears_the_end, next_after, parse_cron
from ductape.domain.found import shown
from ductape.domain.request import Repeat
from ductape.domain.time.instants import LAST_INSTANT_MS, iso
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import Fault, ValidationError, fault, invalid


def first_instant(
    repeat: Repeat, *, start_at_ms: int, now_ms: int, zones: ZoneLookup
) -> int | None:
    """Return the instant of the first run, never before `now_ms`; none where the end comes first.

    A `start_at_ms` of 0 means now.
    """
    anchor_ms = anchor_of(repeat, start_at_ms=start_at_ms, now_ms=now_ms)
    return next_instant(repeat, after_ms=None, anchor_ms=anchor_ms, zones=zones)


def anchor_of(repeat: Repeat, *, start_at_ms: int, now_ms: int) -> int:
    """Return the instant from which the recurrence counts, never before `now_ms`.

    A past start keeps the phase of `every`: the anchor is the first of its grid from now on.

    >>> anchor_of(Repeat(every_ms=1000), start_at_ms=300, now_ms=5100)
    5300
    """
    if start_at_ms == 0 or repeat.every_ms is None or repeat.cron is not None:
        return max(start_at_ms, now_ms)
    return _grid_after(start_at_ms, repeat.every_ms, max(start_at_ms, now_ms) - 1)


def next_instant(
    repeat: Repeat, *, after_ms: int | None, anchor_ms: int, zones: ZoneLookup
) -> int | None:
    """Return the first instant later than `after_ms`, or the first of all if that is none.

    None where the recurrence is over.
    """
    since_ms = anchor_ms - 1 if after_ms is None else max(after_ms, anchor_ms - 1)
    if repeat.immediately and since_ms < anchor_ms:
        found = anchor_ms
    else:
        found = _match_after(repeat, since_ms, anchor_ms, zones)
    return found if found is not None and found <= _end_of(repeat) else None


def latest_instant(
    repeat: Repeat, *, after_ms: int | None, until_ms: int, anchor_ms: int, zones: ZoneLookup
) -> int | None:
    """Return the latest instant later than `after_ms`, `until_ms` included; none where none is.

    Takes some forty questions however many instants lie between.
    """

    def is_last(at_ms: int) -> bool:
        following = next_instant(repeat, after_ms=at_ms, anchor_ms=anchor_ms, zones=zones)
        return following is None or following > until_ms

    first_ms = next_instant(repeat, after_ms=after_ms, anchor_ms=anchor_ms, zones=zones)
    if first_ms is None or first_ms > until_ms:
        return None
    return first_ms + bisect_left(range(first_ms, until_ms), True, key=is_last)


def preview(repeat: Repeat, *, after_ms: int, count: int, zones: ZoneLookup) -> list[int]:
    """Return the first instants later than `after_ms`, at most `count` and at most `limit`.

    The grid of `every` is laid from `after_ms`, as if the job started there.
    """
    wanted = count if repeat.limit is None else min(count, repeat.limit)
    found: list[int] = []
    at_ms: int | None = after_ms
    while len(found) < wanted:
        at_ms = next_instant(repeat, after_ms=at_ms, anchor_ms=after_ms, zones=zones)
        if at_ms is None:
            break
        found.append(at_ms)
    return found


def cron_fault(
    expression: str, tz_name: str, zones: ZoneLookup, path: str, *, after_ms: int = 0
) -> Fault | None:
    """Return what is wrong with an expression, all of it in one fault; none if nothing.

    One that never occurs in its zone after `after_ms` is wrong too: `*/5 2 ? 3 0L` asks for an
    hour that Berlin's clock skips on just these days. An unknown zone is `zone_fault`'s to tell.
    """
    try:
        cron = parse_cron(expression, path)
        occurs = next_after(cron, after_ms, zones(tz_name)) is not None
    except ValidationError as error:
        return _joined(path, error.errors)
    except KeyError:
        return None
    if occurs:
        return None
    found = f"one that {tz_name} always skips"
    if nears_the_end(after_ms):
        found = f"none after {iso(after_ms)}, before the calendar ends with the year 9999"
    return fault(path, "an expression with a future instant", found)


def zone_fault(name: str, zones: ZoneLookup, path: str) -> Fault | None:
    """Return what is wrong with a zone's name; none if nothing.

    The hint is what the lookup notes on its error, such as the nearest name it knows.
    """
    expected = "a name of the tz database, such as Europe/Amsterdam"
    try:
        zones(name)
    except KeyError as error:
        notes: list[str] = getattr(error, "__notes__", [])
        return fault(path, expected, shown(name, path), hint="; ".join(notes) or None)
    return None


def _match_after(repeat: Repeat, since_ms: int, anchor_ms: int, zones: ZoneLookup) -> int | None:
    match repeat.cron, repeat.every_ms:
        case str() as expression, _:
            return next_after(parse_cron(expression), since_ms, zones(repeat.tz))
        case None, int() as every_ms:
            return _grid_after(anchor_ms, every_ms, since_ms)
        case None, None:
            raise invalid("repeat", "cron or every", "neither")


def _grid_after(anchor_ms: int, every_ms: int, since_ms: int) -> int:
    """Return the first point of the grid later than `since_ms`."""
    return anchor_ms + ((since_ms - anchor_ms) // every_ms + 1) * every_ms


def _end_of(repeat: Repeat) -> int:
    return LAST_INSTANT_MS if repeat.end_at_ms is None else min(repeat.end_at_ms, LAST_INSTANT_MS)


def _joined(path: str, faults: list[Fault]) -> Fault:
    """Make one fault of several at the same path."""
    hints = [each["hint"] for each in faults if "hint" in each]
    return fault(
        path,
        "; ".join(each["expected"] for each in faults),
        ", ".join(each["found"] for each in faults),
        hint="; ".join(hints) or None,
    )
