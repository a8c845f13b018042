"""Limits on SQLite: how much room queues and gates leave, who waits before a full gate.

Everything here runs inside the one writer's transaction, so that what is counted stays true until
the claim that it is counted for has been made.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ductape.domain.job import Run
from ductape.domain.limits.flow import Head, Room
from ductape.domain.limits.queue import QueueLimits, opens_at_ms, room_in, with_starts
from ductape.domain.limits.rate import Rate, Starts
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.file.statements import statements
from ductape.stores.sqlite.rows.values import encode

MOST_BLOCKED = 1_000
"""How many runs of a group a turn sets aside: the writer is not held for long."""

_starts = msgspec.json.Decoder(Starts).decode

Limited = Mapping[str, QueueLimits]
"""The queues that somebody has paused or limited, by name."""


def limited_queues(connection: Connection) -> Limited:
    """Read what is set for queues."""
    rows = connection.execute(statements("queues")["all"]).fetchall()
    return {
        row[0]: QueueLimits(
            name=row[0],
            paused=bool(row[1]),
            concurrency=row[2],
            rate=None if row[3] is None else Rate(row[3], row[4]),
            starts=_starts(row[5]) if row[5] else (),
        )
        for row in rows
    }


def rooms(
    connection: Connection,
    limited: Limited,
    heads: Sequence[Head],
    now_ms: int,
    *,
    claimed: Sequence[Run],
) -> Room:
    """Count how many more runs may start in each limited queue and gated flow.

    `claimed`: what this turn has claimed already.
    """
    queues: dict[str, int] = {}
    for name in {head.queue for head in heads} & limited.keys():
        room = room_of_queue(connection, _with(limited[name], claimed, now_ms), now_ms)
        if room is not None:
            queues[name] = room
    flows: dict[str, int] = {}
    for head in heads:
        if head.limit is not None:
            room = head.limit - in_gate(connection, head.flow)
            flows[head.flow] = max(0, min(room, flows.get(head.flow, room)))
    return Room(queues, flows)


def room_of_queue(connection: Connection, limits: QueueLimits, now_ms: int) -> int | None:
    """Count how many more runs of one queue may start; none for any number."""
    counts = limits.concurrency is not None and not limits.paused
    running = (
        connection.execute(statements("runs")["running_of_queue"], {"queue": limits.name}).get
        if counts
        else 0
    )
    return room_in(limits, running, now_ms)


def in_gate(connection: Connection, flow: str) -> int:
    """Count the runs that hold a place in a gate."""
    count: int = connection.execute(statements("runs")["in_gate"], {"flow": flow}).get
    return count


def block(connection: Connection, heads: Iterable[Head]) -> None:
    """Set the runs of groups aside, out of the way of claims, until their gate has room."""
    for head in heads:
        named: dict[str, Cell] = {
            "queue": head.queue,
            "rank": head.rank,
            "flow": head.flow,
            "needs": head.needs,
            "most": MOST_BLOCKED,
        }
        connection.execute(statements("runs")["block"], named)


def unblock(connection: Connection, flows: Iterable[str], now_ms: int) -> int:
    """Let as many blocked runs be claimed as their gates have room for; return how many."""
    let_go = 0
    for flow in flows:
        limit = connection.execute(statements("runs")["first_blocked"], {"flow": flow}).get
        most = 0 if limit is None else limit - in_gate(connection, flow)
        if most > 0:
            values: dict[str, Cell] = {"flow": flow, "most": most, "now": now_ms}
            connection.execute(statements("runs")["unblock"], values)
            let_go += connection.changes()
    return let_go


def count_starts(
    connection: Connection, limited: Limited, claimed: Sequence[Run], now_ms: int
) -> int | None:
    """Remember the starts in queues with a rate; return when the first of them opens again."""
    opening: list[int] = []
    for before in limited.values():
        after = _with(before, claimed, now_ms)
        if after is not before:
            values: dict[str, Cell] = {"name": after.name, "starts": encode(after.starts)}
            connection.execute(statements("queues")["start"], values)
        opens = opens_at_ms(after, now_ms)
        if opens is not None and opens > now_ms:
            opening.append(opens)
    return min(opening, default=None)


def _with(limits: QueueLimits, claimed: Sequence[Run], now_ms: int) -> QueueLimits:
    """Count in what was claimed from a queue just now."""
    own = [run for run in claimed if run.spec.queue == limits.name]
    return with_starts(limits, [run.started_at_ms or now_ms for run in own], now_ms)
