"""Instants and spans as a person reads them: local time, and how far from now (SPEC 13).

Everything comes in as milliseconds; instants are epoch milliseconds.
"""

from datetime import UTC, datetime, tzinfo

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

_UNITS = ((DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "min"), (SECOND_MS, "s"))


def clock_time(instant_ms: int | None, zone: tzinfo | None = None) -> str:
    """Show an instant on the clock of a zone, by default this machine's; `-` for none.

    >>> clock_time(1_774_854_000_000, UTC), clock_time(None)
    ('2026-03-30 07:00:00', '-')
    """
    if instant_ms is None:
        return "-"
    at = moment(instant_ms).astimezone(zone)
    return at.strftime("%Y-%m-%d %H:%M:%S") + _fraction(instant_ms)


def zone_time(instant_ms: int, zone: tzinfo | None = None) -> str:
    """Show an instant with its weekday and the zone's abbreviation.

    >>> zone_time(1_774_854_000_000, UTC)
    'Mon 2026-03-30 07:00:00 UTC'
    """
    at = moment(instant_ms).astimezone(zone)
    return f"{at:%a} {clock_time(instant_ms, zone)} {at:%Z}"


def iso(instant_ms: int) -> str:
    """Write an instant as ISO 8601 in UTC.

    >>> iso(1_774_854_000_000), iso(1_774_854_000_250)
    ('2026-03-30T07:00:00Z', '2026-03-30T07:00:00.250Z')
    """
    return clock_time(instant_ms, UTC).replace(" ", "T") + "Z"


def relative(instant_ms: int | None, now_ms: int) -> str:
    """Tell how far an instant is from now; `-` for none.

    >>> relative(90_000, 0), relative(0, 7_200_000), relative(5, 0)
    ('in 1 min', '2 h ago', 'now')
    """
    if instant_ms is None:
        return "-"
    away = abs(instant_ms - now_ms)
    for unit, name in _UNITS:
        if away >= unit:
            figure = f"{away // unit} {name}"
            return f"in {figure}" if instant_ms > now_ms else f"{figure} ago"
    return "now"


def full_time(instant_ms: int | None, now_ms: int) -> str:
    """Show an instant in local time, and how far it is from now; `-` for none."""
    if instant_ms is None:
        return "-"
    return f"{zone_time(instant_ms)} ({relative(instant_ms, now_ms)})"


def span(length_ms: int | None) -> str:
    """Show a span in its two largest units; `-` for none.

    >>> span(350), span(4_250), span(3_725_000), span(86_400_000)
    ('350 ms', '4.2 s', '1 h 2 min', '1 d')
    """
    if length_ms is None:
        return "-"
    if length_ms < SECOND_MS:
        return f"{length_ms} ms"
    if length_ms < MINUTE_MS:
        tenths = length_ms * 10 // SECOND_MS
        return f"{tenths / 10:g} s"
    parts: list[str] = []
    for unit, name in _UNITS:
        count, length_ms = divmod(length_ms, unit)
        if count:
            parts.append(f"{count} {name}")
        elif parts:
            break
    return " ".join(parts[:2])


def moment(instant_ms: int) -> datetime:
    """Return an instant as an aware datetime in UTC."""
    seconds, rest = divmod(instant_ms, SECOND_MS)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1_000)


def _fraction(instant_ms: int) -> str:
    rest = instant_ms % SECOND_MS
    return f".{rest:03d}" if rest else ""
