"""The pure `ductape.preview`: the next instants of a recurrence, storing nothing (SPEC 10)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from ductape.app.zones import PackagedZones
from ductape.domain.parsing import parse_repeat
from ductape.domain.recurrence import preview as instants_of
from ductape.domain.types import IJobRepeatOptions
from ductape.errors import invalid

MOST_INSTANTS = 10_000


def preview(
    repeat: IJobRepeatOptions | Mapping[str, object], *, after: datetime, n: int = 10
) -> list[datetime]:
    """Return the next `n` instants strictly after `after`, as aware UTC datetimes.

    The grid of `every` is laid from `after`. Fewer come back where `limit` or `endDate` ends the
    recurrence. Raises `ValidationError` with the path of what is wrong.
    """
    if isinstance(n, bool) or not 0 <= n <= MOST_INSTANTS:
        raise invalid("n", f"an integer from 0 to {MOST_INSTANTS}", repr(n))
    if after.tzinfo is None:
        raise invalid("after", "an aware datetime", "one without a time zone")
    after_ms = int(after.timestamp() * 1000)
    zones = _zones()
    parsed = parse_repeat(repeat, now_ms=after_ms, zones=zones.get)
    found = instants_of(parsed, after_ms=after_ms, count=n, zones=zones.get)
    return [datetime.fromtimestamp(at_ms / 1000, UTC) for at_ms in found]


@cache
def _zones() -> PackagedZones:
    return PackagedZones()
