"""Reading the instants that callers write: `start_at`, `endDate`, `expires_at` (SPEC 3).

Numbers are Unix timestamps, text is ISO 8601; what comes out is epoch milliseconds, between 1970
and the end of the year 9999.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from ductape.domain.found import shown
from ductape.domain.time.wallclock import DAY_S, instants_showing
from ductape.errors import Fault, fault

LAST_INSTANT_MS: Final = 253_402_300_799_999
"""The end of the year 9999 in UTC."""

_MILLISECONDS_FROM: Final = 100_000_000_000
"""A smaller number is seconds: as milliseconds it would lie before March 1973."""

_EXPECTED: Final = "a Unix timestamp or an ISO 8601 date and time from 1970 to 9999"
_ISO: Final = re.compile(
    r"(?P<basic>\d{8}T(?:\d{4}(?:\d{2}(?:[.,]\d{1,9})?)?)(?:Z|[+-]\d{2}(?:\d{2})?)?)|"
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)"
    r"(?P<offset>Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def read_instant(
    value: object, *, path: str, zone: tzinfo, end_of_day: bool = False
) -> int | Fault:
    """Return the instant that `value` means in epoch milliseconds, or what is wrong with it.

    Text without an offset is read on the wall of `zone`: a repeated time is its first occurrence,
    a skipped one the first instant after the gap. `end_of_day` makes a bare date mean the last
    millisecond of that day rather than its first.
    """
    match value:
        case int() | float() if not isinstance(value, bool):
            return _from_number(value, path)
        case str():
            return _from_text(value, path, zone, end_of_day=end_of_day)
        case _:
            return fault(path, _EXPECTED, shown(value, path))


def _from_number(value: float, path: str) -> int | Fault:
    if 0 <= value <= LAST_INSTANT_MS:
        return round(value if value >= _MILLISECONDS_FROM else value * 1000)
    hint = "seconds or milliseconds, nothing finer" if value > LAST_INSTANT_MS else None
    return fault(path, _EXPECTED, shown(value, path), hint=hint)


def _from_text(text: str, path: str, zone: tzinfo, *, end_of_day: bool) -> int | Fault:
    parts = _ISO.fullmatch(text.upper())
    written = None if parts is None else _moment(parts)
    if parts is None or written is None:
        return fault(path, _EXPECTED, shown(text, path), hint="such as 2026-12-31T23:59:59Z")
    if written.tzinfo is not None:
        at_ms = (written - _EPOCH) // _MILLISECOND
    else:
        at_ms = _on_the_wall(written, zone, end_of_day=end_of_day and not _timed(parts))
    if at_ms < 0:
        return fault(path, _EXPECTED, shown(text, path))
    return min(at_ms, LAST_INSTANT_MS)


def _timed(parts: re.Match[str]) -> bool:
    return parts["time"] is not None or parts["basic"] is not None


def _moment(parts: re.Match[str]) -> datetime | None:
    """Return the date and time as written, or none where the calendar has no such."""
    try:
        return datetime.fromisoformat(parts[0])
    except ValueError:
        return None


def _on_the_wall(written: datetime, zone: tzinfo, *, end_of_day: bool) -> int:
    """Return the instant at which the zone's clock shows what was written."""
    wall_ms = (written.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
    if end_of_day:
        _, last_s = instants_showing(zone, wall_ms // 1000 + DAY_S - 1)
        return last_s * 1000 + 999
    first_s, last_s = instants_showing(zone, wall_ms // 1000)
    is_skipped = first_s > last_s
    return first_s * 1000 + (0 if is_skipped else wall_ms % 1000)


def iso(instant_ms: int) -> str:
    """Return an instant as ISO 8601 in UTC.

    >>> iso(0)
    '1970-01-01T00:00:00.000Z'
    """
    moment = datetime.fromtimestamp(instant_ms / 1_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
