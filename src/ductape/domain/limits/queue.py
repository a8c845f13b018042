"""What a person sets for a queue, and how much room it leaves (SPEC 10). Pure."""

from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.limits.rate import Rate, Starts, next_room_ms, room, started


class QueueLimits(Struct, frozen=True):
    """A queue that somebody has paused or limited; any other has none of this."""

    name: str
    paused: bool = False
    concurrency: int | None = None
    """How many of its runs may run at a time."""
    rate: Rate | None = None
    starts: Starts = ()
    """The latest ones, where there is a rate."""


def room_in(limits: QueueLimits, running: int, now_ms: int) -> int | None:
    """Return how many more of its runs may start now; none for any number.

    >>> room_in(QueueLimits("mail", concurrency=5), 3, 0), room_in(QueueLimits("mail"), 3, 0)
    (2, None)
    """
    if limits.paused:
        return 0
    rooms: list[int] = []
    if limits.concurrency is not None:
        rooms.append(max(0, limits.concurrency - running))
    if limits.rate is not None:
        rooms.append(room(limits.rate, limits.starts, now_ms))
    return min(rooms, default=None)


def with_starts(limits: QueueLimits, begin_ms: Collection[int], now_ms: int) -> QueueLimits:
    """Remember that runs were claimed, each by the instant at which it begins.

    >>> claimed = with_starts(QueueLimits("mail", rate=Rate(3, 1_000)), [5_000, 5_030], 5_000)
    >>> claimed.starts
    (Stride(until_ms=5055, count=2),)
    """
    if limits.rate is None or not begin_ms:
        return limits
    latest_ms = max(now_ms, *begin_ms)  # one that is claimed ahead begins later than now
    return replace(limits, starts=started(limits.rate, limits.starts, len(begin_ms), latest_ms))


def opens_at_ms(limits: QueueLimits, now_ms: int) -> int | None:
    """Return when its rate lets the next run start; none where time alone changes nothing."""
    if limits.rate is None or limits.paused:
        return None
    return next_room_ms(limits.rate, limits.starts, now_ms)
