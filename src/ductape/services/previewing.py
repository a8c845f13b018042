"""The next instants of a recurrence, storing nothing (SPEC 10)."""

from datetime import UTC, datetime, timedelta

from ductape.domain.parsing import parse_repeat
from ductape.domain.recurrence import preview
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import Fault, ValidationError, fault

MOST_INSTANTS = 10_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def next_instants(repeat: object, *, after: object, n: object, zones: ZoneLookup) -> list[datetime]:
    """Return the next `n` instants strictly after `after`, as aware UTC datetimes.

    The grid of `every` is laid from `after`. Fewer come back where `limit` or `endDate` ends the
    recurrence. Raises `ValidationError` with the path of what is wrong.
    """
    faults: list[Fault] = []
    if type(n) is not int or not 0 <= n <= MOST_INSTANTS:
        faults.append(fault("n", f"an integer from 0 to {MOST_INSTANTS}", repr(n)))
    if not isinstance(after, datetime) or after.tzinfo is None:
        faults.append(fault("after", "an aware datetime", repr(after)))
    if faults or type(n) is not int or not isinstance(after, datetime):
        raise ValidationError([*faults, *_repeat_faults(repeat, zones)])
    after_ms = (after - _EPOCH) // _MILLISECOND
    parsed = parse_repeat(repeat, now_ms=after_ms, zones=zones)
    found = preview(parsed, after_ms=after_ms, count=n, zones=zones)
    return [_EPOCH + at_ms * _MILLISECOND for at_ms in found]


def _repeat_faults(repeat: object, zones: ZoneLookup) -> list[Fault]:
    """Tell what is wrong with a recurrence whenever it begins."""
    try:
        parse_repeat(repeat, now_ms=0, zones=zones)
    except ValidationError as error:
        return error.errors
    return []
