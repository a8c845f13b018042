"""Which runs a SQLite worker takes: the heads of what waits, shared out, then taken group by group.

Groups of runs that the worker has no handler for, or that a limit holds back, are passed over as
one: what is blocked costs a claim nothing, however much there is of it.
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from ductape.domain.job import Claim, Run
from ductape.domain.limits.flow import Head, Room, Share, fits, share_out
from ductape.ports.stores.claims import Wish
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.file.statements import statements
from ductape.stores.sqlite.limits.room import (
    Limited,
    block,
    in_gate,
    room_of_queue,
    rooms,
)
from ductape.stores.sqlite.rows.values import encode, run_of
from ductape.stores.sqlite.settling import changed, with_schedule

MOST_HEADS = 64
"""How many groups of a queue a turn looks at; the next turn begins where it stopped as well."""
MOST_QUEUES = 64
"""How many queues a turn looks at, as long as it finds something; the next turn goes on there."""
LAST_NAME = "\U0010ffff"
"""Sorts after every queue."""
MOST_SUSPECTS = 10


class Claiming:
    """Takes runs for the workers of one process."""

    def __init__(self) -> None:
        """Begin with the first queue."""
        self._turns = 0
        self._stopped_at: dict[str, Head] = {}
        """Where the look at a queue with many groups ended."""
        self._after = ""
        """After which queue the next turn begins, where there are many."""
        self._rounds = 0
        self._left_some = False
        self._left_over = False

    @property
    def left_some(self) -> bool:
        """Whether the latest claim left something that may fit: unseen, or beyond its share."""
        return self._left_some or self._left_over or bool(self._stopped_at)

    def claim(self, connection: Connection, wish: Wish, limited: Limited, now_ms: int) -> list[Run]:
        """Take what fits, in the order in which it is to begin."""
        self._turns += 1
        begun, self._left_over = self._after, False
        runs = _take_suspect(connection, wish, limited, now_ms) if wish.suspect else []
        for queues in self._parts(connection, wish):
            found = self._of(connection, wish, queues, limited, runs, now_ms)
            runs += found
            if found or len(runs) == wish.slots:
                self._go_round(found, full=len(runs) == wish.slots)
                break
        self._rounds += self._after <= begun
        return sorted(runs, key=lambda run: (-run.spec.priority, run.due_at_ms, run.job_id))

    def _parts(self, connection: Connection, wish: Wish) -> Iterator[Sequence[str]]:
        """Go once round the queues that a worker may claim from, some at a time."""
        begun, self._left_some = self._after, False
        if wish.queues:
            yield wish.queues
            return
        for after, until in [(begun, LAST_NAME), ("", begun)] if begun else [("", LAST_NAME)]:
            self._after = after
            while part := _waiting(connection, self._after, until):
                self._left_some = bool(begun) or len(part) == MOST_QUEUES
                self._after = part[-1] if len(part) == MOST_QUEUES else ""
                yield part
                if not self._after:
                    break
        self._after, self._left_some = "", False

    def _go_round(self, found: Sequence[Run], *, full: bool) -> None:
        """Begin the next turn after the last queue that had its share."""
        if full and found and self._left_some:
            self._after = max(run.spec.queue for run in found)

    def _of(
        self,
        connection: Connection,
        wish: Wish,
        queues: Sequence[str],
        limited: Limited,
        claimed: Sequence[Run],
        now_ms: int,
    ) -> list[Run]:
        """Take what fits of some queues, after what was claimed already."""
        heads = [head for queue in queues for head in self._heads(connection, queue)]
        fit = [head for head in heads if not head.needs or head.needs in wish.handlers]
        room = rooms(connection, limited, fit, now_ms, claimed=claimed)
        block(connection, (head for head in fit if room.flows.get(head.flow) == 0))
        runs: list[Run] = []
        free = wish.slots - len(claimed)
        if not free:
            return runs
        turn, after = (self._rounds, "") if self._left_some else (self._turns, None)
        shares = share_out(fit, room, slots=free, turn=turn, after=after)
        self._left_over = len(shares) < sum(fits(head, room) for head in fit)
        for share in shares:
            if len(runs) == free:
                break
            taken = _take(connection, wish, share, free - len(runs), now_ms)
            self._left_over |= len(taken) == share.most < _most_of(share.head, room, free)
            runs += taken
        return runs

    def _heads(self, connection: Connection, queue: str) -> list[Head]:
        """Look at a queue's groups from the first on, and from where the last look ended."""
        found = dict.fromkeys(_walk(connection, queue, None))
        last = self._stopped_at.pop(queue, None)
        more = list(_walk(connection, queue, last)) if last is not None else list(found)
        if len(more) == MOST_HEADS:
            self._stopped_at[queue] = more[-1]
        return list(found | dict.fromkeys(more))


def _most_of(head: Head, room: Room, free: int) -> int:
    """Return how many runs of a group there were room for, if it were alone."""
    return min(free, room.queues.get(head.queue, free), room.flows.get(head.flow, free))


def claimed_by(connection: Connection, worker: str, at_ms: int) -> list[Claim]:
    """Read the runs that a turn of a worker took at that instant."""
    asked = {"worker": worker, "at": at_ms}
    rows = connection.execute(statements("runs")["claimed"], asked).fetchall()
    return with_products(connection, [run_of(row) for row in rows])


def with_products(connection: Connection, runs: Sequence[Run]) -> list[Claim]:
    """Read what executing and settling runs takes."""
    sql = statements("products")["version"]
    versions: dict[str, int] = {
        tag: connection.execute(sql, {"tag": tag}).get or 0
        for tag in {run.spec.product for run in runs}
    }
    return [
        replace(with_schedule(connection, run), product_version=versions[run.spec.product])
        for run in runs
    ]


def _waiting(connection: Connection, after: str, until: str) -> list[str]:
    """Return the next queues in which runs wait."""
    asked: dict[str, Cell] = {"after": after, "most": MOST_QUEUES}
    rows = connection.execute(statements("runs")["queues"], asked).fetchall()
    return [row[0] for row in rows if row[0] <= until]


def _walk(connection: Connection, queue: str, after: Head | None) -> Iterator[Head]:
    """Go from group to group of a queue, in the order of the index."""
    values: dict[str, Cell] = {"queue": queue}
    name = "first_head"
    for _ in range(MOST_HEADS):
        if after is not None:
            values = {
                "queue": queue,
                "rank": after.rank,
                "flow": after.flow,
                "needs": after.needs,
            }
            name = "next_head"
        row = connection.execute(statements("runs")[name], values).fetchone()
        if row is None:
            return
        after = Head(*row)
        yield after


def _take(connection: Connection, wish: Wish, share: Share, free: int, now_ms: int) -> list[Run]:
    head = share.head
    values: dict[str, Cell] = {
        "worker": wish.worker,
        "queue": head.queue,
        "rank": head.rank,
        "flow": head.flow,
        "needs": head.needs,
        "slots": min(share.most, free),
        "now": now_ms,
        "grace": wish.grace_ms,
    }
    rows = connection.execute(statements("runs")["claim"], values).fetchall()
    return [run_of(row) for row in rows]


def _take_suspect(connection: Connection, wish: Wish, limited: Limited, now_ms: int) -> list[Run]:
    """Take the first run that was lost before and that no limit holds back."""
    handlers = encode(sorted(wish.handlers)).decode()
    found = () if wish.queues else connection.execute(statements("runs")["suspect_queues"])
    queues = wish.queues or [row[0] for row in found]
    for queue in queues:
        if queue in limited and room_of_queue(connection, limited[queue], now_ms) == 0:
            continue
        asked: dict[str, Cell] = {"queue": queue, "handlers": handlers, "most": MOST_SUSPECTS}
        for row in connection.execute(statements("runs")["suspects"], asked).fetchall():
            job_id, number, flow, limit = row
            named: dict[str, Cell] = {"job_id": job_id, "number": number}
            if limit is not None and in_gate(connection, flow) >= limit:
                changed(connection, "block_one", named)
                continue
            values = {**named, "worker": wish.worker, "now": now_ms, "grace": wish.grace_ms}
            taken = connection.execute(statements("runs")["claim_suspect"], values).fetchall()
            return [run_of(row) for row in taken]
    return []
