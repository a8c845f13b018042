"""Rate limits: at most so many starts in any span of a given length, wherever it begins.

Starts are remembered in strides, each counted as late as it can have been: a limit is never
exceeded, and a start never waits more than a stride longer than it must. A run begins a little
after it was counted, once the claim is stored: what a stride has room for. Instants and spans are
milliseconds.
"""

from msgspec import Struct

STRIDES = 100
"""How many make a span, where it is long."""
SOON_MS = 25
"""How long a stored claim takes to reach its handler, at most, on a machine that is not ill."""


class Rate(Struct, frozen=True):
    """At most `limit` starts in `per_ms`."""

    limit: int
    per_ms: int


def stride_ms(rate: Rate) -> int:
    """Return how long a stride is: a hundredth of the span, of a short one up to a tenth.

    >>> stride_ms(Rate(5, 60_000)), stride_ms(Rate(5, 1_000)), stride_ms(Rate(5, 100))
    (600, 25, 10)
    """
    return max(rate.per_ms // STRIDES, min(rate.per_ms // 10, SOON_MS))


class Stride(Struct, frozen=True, array_like=True):
    """Starts close together."""

    until_ms: int
    """No start of these was later."""
    count: int


Starts = tuple[Stride, ...]
"""The strides that still count, oldest first."""


def room(rate: Rate, starts: Starts, now_ms: int) -> int:
    """Return how many runs may start now.

    >>> room(Rate(5, 1_000), (Stride(1_400, 2), Stride(2_000, 1)), now_ms=2_399)
    2
    >>> room(Rate(5, 1_000), (Stride(1_400, 2), Stride(2_000, 1)), now_ms=2_400)
    4
    """
    return max(0, rate.limit - sum(one.count for one in _counting(rate, starts, now_ms)))


def started(rate: Rate, starts: Starts, count: int, now_ms: int) -> Starts:
    """Remember starts, each for twice the span.

    Whoever starts next may have looked at the clock earlier: what does not count any more for this
    one may count for him.

    >>> started(Rate(5, 1_000), (Stride(1_000, 2),), 1, now_ms=1_500)
    (Stride(until_ms=1000, count=2), Stride(until_ms=1525, count=1))
    >>> after = started(Rate(2, 1_000), (Stride(1_000, 2),), 1, now_ms=2_000)
    >>> room(Rate(2, 1_000), after, now_ms=1_990)
    0
    """
    kept = _within(starts, now_ms - 2 * rate.per_ms, now_ms + rate.per_ms)
    if kept and now_ms <= kept[-1].until_ms:
        last = kept[-1]
        return (*kept[:-1], Stride(last.until_ms, last.count + count))
    return (*kept, Stride(now_ms + stride_ms(rate), count))


def next_room_ms(rate: Rate, starts: Starts, now_ms: int) -> int:
    """Return the next instant at which a run may start.

    >>> next_room_ms(Rate(2, 1_000), (Stride(1_400, 2),), now_ms=1_500)
    2400
    """
    counting = _counting(rate, starts, now_ms)
    freed = rate.limit - sum(one.count for one in counting)
    for one in counting:
        if freed > 0:
            break
        freed += one.count
        now_ms = one.until_ms + rate.per_ms
    return now_ms


def _counting(rate: Rate, starts: Starts, now_ms: int) -> Starts:
    """Leave out the strides that a span ending now does not reach."""
    return _within(starts, now_ms - rate.per_ms, now_ms + rate.per_ms)


def _within(starts: Starts, after_ms: int, latest_ms: int) -> Starts:
    """Leave out strides that are over, and those that no running clock can have made.

    A clock that was set back leaves strides of the future, which would count for long.
    """
    return tuple(one for one in starts if after_ms < one.until_ms <= latest_ms)
