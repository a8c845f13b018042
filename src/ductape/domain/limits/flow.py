"""Flows: the streams of runs that share a queue's workers fairly (SPEC 11).

Runs of one product make a flow; those under one `concurrency_key` make a flow of their own, whose
gate lets so many of them run at a time. A flow's name sorts by product first, so that a product's
flows lie side by side in the index that claims read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from ductape.domain.job import JobSpec

K = TypeVar("K", str, int)
T = TypeVar("T")

SEPARATOR = "\x1f"
"""Stands in no name that a caller can give: control characters are refused."""


def flow_of(spec: JobSpec) -> str:
    """Name the flow of a job."""
    if spec.concurrency_key is None:
        return spec.product
    return SEPARATOR.join((spec.product, spec.env, spec.concurrency_key))


def gate_of(spec: JobSpec) -> str | None:
    """Name the gate that a job's runs must pass: its flow, where it has a concurrency key."""
    return None if spec.concurrency_key is None else flow_of(spec)


class Head(Struct, frozen=True):
    """The first waiting run of a group: one queue, one rank, one flow, one handler."""

    queue: str
    rank: int
    """Minus the priority: the lowest comes first."""
    flow: str
    needs: str
    """The handler tag that a worker must have; empty for none."""
    due_at_ms: int
    limit: int | None
    """How many runs of the flow may run at a time; none where it has no gate."""


class Share(Struct, frozen=True):
    """How many runs of a group a worker takes at most."""

    head: Head
    most: int


class Room(Struct, frozen=True):
    """How many more runs limits leave room for; what is not named has no limit."""

    queues: Mapping[str, int]
    flows: Mapping[str, int]


def share_out(
    heads: Sequence[Head], room: Room, *, slots: int, turn: int, after: str | None = None
) -> list[Share]:
    """Divide a worker's free slots among waiting groups, in the order in which to take them.

    Queues share alike, in a queue products, in a product flows; a higher priority of the same
    queue comes first. What a share leaves over is divided again in the next turn, and does not go
    to the less urgent before: they have a share only beside what could have had every slot. Who
    begins changes with the turn, so that one slot serves all in the end. Who goes round many queues
    names the one `after` which to begin, and counts the rounds instead of the turns.

    >>> def head(flow, due=0):
    ...     return Head("default", 0, flow, "", due, None)
    >>> found = share_out([head("a"), head("b")], Room({}, {}), slots=10, turn=0)
    >>> [(share.head.flow, share.most) for share in found]
    [('a', 5), ('b', 5)]
    """
    queues = _by([head for head in heads if fits(head, room)], lambda head: head.queue)
    shares: list[tuple[int, int, Share]] = []
    if after is None:
        queues, turn = _rotated(queues, turn), turn // max(len(queues), 1)
    else:
        queues = sorted(queues, key=lambda queue: going_round(queue[0], after))
    for _, waiting in queues:
        portion = _portion(slots, len(queues))
        for place, (_, ranked) in enumerate(_by(waiting, lambda head: head.rank)):
            found = [*_of_rank(ranked, portion, turn)]
            shares += [(place, at, share) for at, share in found]
            if any(share.most < slots for _, share in found):
                break
    shares.sort(key=lambda placed: placed[:2])
    return list(_within([share for *_, share in shares], room))


def going_round(queue: str, after: str) -> tuple[bool, str]:
    """Sort queues as somebody meets them who begins after one of them, and goes round."""
    return queue <= after, queue


def last_served(queues: Sequence[str], slots: int) -> str:
    """Return the last of some queues to have a share, where each can use up its own.

    >>> last_served(["a", "b", "c", "d"], slots=10), last_served(["a", "b", "c", "d"], slots=2)
    ('d', 'b')
    """
    return queues[_portion(slots, _portion(slots, len(queues))) - 1]


def _of_rank(ranked: Sequence[Head], slots: int, turn: int) -> Iterator[tuple[int, Share]]:
    """Divide a queue's slots among its groups of one priority: (round, share)."""
    products = _by(ranked, lambda head: head.flow.partition(SEPARATOR)[0])
    each = _portion(slots, len(products))
    for _, of_product in _rotated(products, turn):
        flows = _by(of_product, lambda head: head.flow)
        most = _portion(each, len(flows))
        for _, groups in _rotated(flows, turn // len(products)):
            oldest_first = sorted(groups, key=lambda head: head.due_at_ms)
            for at, head in enumerate(oldest_first):
                yield at, Share(head, most)


def fits(head: Head, room: Room) -> bool:
    """Tell whether limits leave room for a run of a group."""
    return room.queues.get(head.queue, 1) > 0 and room.flows.get(head.flow, 1) > 0


def _within(shares: Sequence[Share], room: Room) -> Iterator[Share]:
    """Cut the shares to what the limits leave room for."""
    queues, flows = dict(room.queues), dict(room.flows)
    for head, most in ((share.head, share.most) for share in shares):
        most_here = min(most, queues.get(head.queue, most), flows.get(head.flow, most))
        if most_here <= 0:
            continue
        if head.queue in queues:
            queues[head.queue] -= most_here
        if head.flow in flows:
            flows[head.flow] -= most_here
        yield Share(head, most_here)


def _by(heads: Sequence[Head], key: Callable[[Head], K]) -> list[tuple[K, list[Head]]]:
    """Group by a key, in its order."""
    groups: dict[K, list[Head]] = {}
    for head in heads:
        groups.setdefault(key(head), []).append(head)
    return sorted(groups.items(), key=lambda group: group[0])


def _rotated(groups: Sequence[T], turn: int) -> Sequence[T]:
    first = turn % len(groups) if groups else 0
    return [*groups[first:], *groups[:first]]


def _portion(slots: int, among: int) -> int:
    """Divide and round up: a rest is better offered twice than to nobody."""
    return -(-slots // among)
