"""What a person sets for a queue, and how much room it leaves (SPEC 10). Pure."""

from msgspec import Struct

from ductape.domain.rate import Rate, Starts, next_room_ms, room, started


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


def with_starts(limits: QueueLimits, count: int, now_ms: int) -> Starts:
    """Remember that runs have started."""
    return () if limits.rate is None else started(limits.rate, limits.starts, count, now_ms)


def opens_at_ms(limits: QueueLimits, starts: Starts, now_ms: int) -> int | None:
    """Return when its rate lets the next run start; none where time alone changes nothing."""
    if limits.rate is None or limits.paused:
        return None
    return next_room_ms(limits.rate, starts, now_ms)
