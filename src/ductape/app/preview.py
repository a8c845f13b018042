"""The pure `ductape.preview`: no store, no clock, only the tz database (SPEC 10)."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache

from ductape.app.zones import PackagedZones
from ductape.domain.types import IJobRepeatOptions
from ductape.services.previewing import next_instants


def preview(
    repeat: IJobRepeatOptions | Mapping[str, object], *, after: datetime, n: int = 10
) -> list[datetime]:
    """Return the next `n` instants strictly after `after`, as aware UTC datetimes.

    The grid of `every` is laid from `after`. Fewer come back where `limit` or `endDate` ends the
    recurrence. Raises `ValidationError` with the path of what is wrong.
    """
    return next_instants(repeat, after=after, n=n, zones=_zones().get)


@cache
def _zones() -> PackagedZones:
    return PackagedZones()
