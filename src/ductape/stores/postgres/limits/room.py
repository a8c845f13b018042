"""Limits on PostgreSQL: how much room queues and gates leave, who waits before a full gate.

Whoever counts the runs under a concurrency key, or makes room there, holds its row in `gates`; who
counts those of a limited queue holds its row in `queues`. A settlement takes its gates before all
else; a claim waits for no gate, and takes its queues last: so nobody waits in a circle.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from ductape.domain.job import Run
from ductape.domain.limits.flow import Head, Room
from ductape.domain.limits.queue import QueueLimits, opens_at_ms, room_in, with_starts
from ductape.domain.limits.rate import Rate, Starts
from ductape.stores.postgres.limits.gates import Gates
from ductape.stores.postgres.rows.values import Row, Values, encode
from ductape.stores.postgres.server.transaction import Transaction

MOST_BLOCKED = 1_000
"""How many runs of a group a turn sets aside: its locks are not held for long."""

_starts = msgspec.json.Decoder(Starts).decode

Limited = Mapping[str, QueueLimits]
"""The queues that somebody has paused or limited, by name."""


class Found(Struct, frozen=True):
    """What limits leave of the groups that wait."""

    room: Room
    limited: Limited
    """As they were when they were counted."""
    busy: bool
    """Whether a gate was not to be had now: what is behind it is to be looked at again."""


async def limited_queues(transaction: Transaction) -> Limited:
    """Read what is set for queues."""
    return _by_name(await transaction.rows("queues", "all"))


async def look(
    transaction: Transaction,
    gates: Gates,
    limited: Limited,
    heads: Sequence[Head],
    now_ms: int,
    *,
    claimed: Sequence[Run],
) -> Found:
    """Count how many more runs may start in each limited queue and gated flow, and keep it so.

    `claimed`: what this turn has claimed already.
    """
    gated = {head.flow for head in heads if head.limit is not None}
    held = await gates.hold(gated)
    flows = await _rooms_of_flows(transaction, heads, held)
    names = {head.queue for head in heads} & limited.keys()
    limited, queues = await rooms_of_queues(transaction, limited, names, now_ms, claimed=claimed)
    return Found(Room(queues, flows), limited, busy=len(held) < len(gated))


async def rooms_of_queues(
    transaction: Transaction,
    limited: Limited,
    names: Collection[str],
    now_ms: int,
    *,
    claimed: Sequence[Run] = (),
) -> tuple[Limited, Mapping[str, int]]:
    """Hold limited queues, and count how many more of their runs may start."""
    counted = [name for name in names if _counts(limited[name])]
    running: dict[str, int] = {}
    if counted:
        asked: Values = {"names": sorted(counted), "queues": sorted(counted)}
        limited = {**limited, **_by_name(await transaction.rows("queues", "hold", asked))}
        rows = await transaction.rows("runs", "running_of_queues", asked)
        running = {row[0]: row[1] for row in rows}
    rooms = (
        (name, room_in(_with(limited[name], claimed, now_ms), running.get(name, 0), now_ms))
        for name in names
    )
    return limited, {name: room for name, room in rooms if room is not None}


async def room_in_gate(transaction: Transaction, gates: Gates, flow: str, limit: int) -> int | None:
    """Hold a gate and count its room; none where it is not to be had now."""
    if not await gates.hold([flow]):
        return None
    rows = await transaction.rows("runs", "in_gates", {"flows": [flow]})
    return limit - sum(row[1] for row in rows)


async def unblock(transaction: Transaction, flows: Collection[str], now_ms: int) -> int:
    """Let as many blocked runs be claimed as their gates, which are held, have room for."""
    if not flows:
        return 0
    return await transaction.change("runs", "unblock", {"flows": sorted(flows), "now": now_ms})


async def block(transaction: Transaction, heads: Iterable[Head]) -> None:
    """Set the runs of groups aside, out of the way of claims, until their gate has room."""
    groups = list(heads)
    if groups:
        await transaction.change("runs", "block", {**by_group(groups), "most": MOST_BLOCKED})


async def count_starts(
    transaction: Transaction, limited: Limited, claimed: Sequence[Run], now_ms: int
) -> int | None:
    """Remember the starts in queues with a rate; return when the first of them opens again."""
    opening: list[int] = []
    for before in limited.values():
        after = _with(before, claimed, now_ms)
        if after is not before:
            values: Values = {"name": after.name, "starts": encode(after.starts)}
            await transaction.change("queues", "start", values)
        opens = opens_at_ms(after, now_ms)
        if opens is not None and opens > now_ms:
            opening.append(opens)
    return min(opening, default=None)


def by_group(heads: Sequence[Head]) -> Values:
    """Name groups in a statement, one list a column."""
    return {
        "queue": [head.queue for head in heads],
        "rank": [head.rank for head in heads],
        "flow": [head.flow for head in heads],
        "needs": [head.needs for head in heads],
    }


async def _rooms_of_flows(
    transaction: Transaction, heads: Sequence[Head], held: Collection[str]
) -> Mapping[str, int]:
    """Count the room of the gates that are held; one that is not has none for now."""
    rows = await transaction.rows("runs", "in_gates", {"flows": sorted(held)}) if held else []
    within = {row[0]: row[1] for row in rows}
    rooms: dict[str, int] = {}
    for head in heads:
        if head.limit is not None:
            room = head.limit - within.get(head.flow, 0) if head.flow in held else 0
            rooms[head.flow] = max(0, min(room, rooms.get(head.flow, room)))
    return rooms


def _with(limits: QueueLimits, claimed: Sequence[Run], now_ms: int) -> QueueLimits:
    """Count in what was claimed from a queue just now."""
    own = [run for run in claimed if run.spec.queue == limits.name]
    return with_starts(limits, [run.started_at_ms or now_ms for run in own], now_ms)


def _counts(limits: QueueLimits) -> bool:
    """Tell whether a queue's runs or starts must be counted."""
    return not limits.paused and (limits.concurrency is not None or limits.rate is not None)


def _by_name(rows: Iterable[Row]) -> dict[str, QueueLimits]:
    return {
        row[0]: QueueLimits(
            name=row[0],
            paused=row[1],
            concurrency=row[2],
            rate=None if row[3] is None else Rate(row[3], row[4]),
            starts=_starts(row[5]) if row[5] else (),
        )
        for row in rows
    }
