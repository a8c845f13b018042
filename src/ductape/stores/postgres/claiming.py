"""Which runs a PostgreSQL worker takes: the heads of what waits, shared out, taken together.

Groups of runs that the worker has no handler for, or that a limit holds back, are passed over as
one: what is blocked costs a claim nothing, however much there is of it. Rows that another worker
holds are skipped, not waited for.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.flow import Head, Share, share_out
from ductape.domain.job import Claim
from ductape.ports.stores.claims import Wish
from ductape.stores.postgres.gates import Gates
from ductape.stores.postgres.limits import (
    Limited,
    block,
    by_group,
    look,
    room_in_gate,
    rooms_of_queues,
)
from ductape.stores.postgres.outlook import MOST_HEADS, Outlook, Sight, look_out
from ductape.stores.postgres.rows import RUN_COLUMNS, Row, Values, run_of
from ductape.stores.postgres.settling import with_schedules
from ductape.stores.postgres.transaction import Transaction

MOST_SUSPECTS = 10
VERSION_AT = RUN_COLUMNS.count(",") + 1
"""Where a claimed row tells its product's version."""


class Taken(Struct, frozen=True):
    """What a claim brought."""

    claims: list[Claim]
    limited: Limited
    busy: bool
    """Whether something was in another worker's hands."""
    missing: frozenset[str] = frozenset()
    """The flows whose gates are yet to be made."""


class Claiming:
    """Takes runs for the workers of one process."""

    def __init__(self) -> None:
        """Begin with the first queue."""
        self._turns = 0
        self._stopped_at: dict[str, Head] = {}
        """Where the look at a queue with many groups ended."""

    async def look_out(self, transaction: Transaction, wish: Wish, *, now_ms: int) -> Sight:
        """Ask what a turn must know, from where the last look ended as well."""
        return await look_out(transaction, wish, [*self._stopped_at.values()], now_ms=now_ms)

    async def claim(
        self, transaction: Transaction, wish: Wish, outlook: Outlook, limited: Limited, now_ms: int
    ) -> Taken:
        """Take what fits, in the order in which it is to begin."""
        self._turns += 1
        heads = self._heads(outlook.heads)
        fit = [head for head in heads if not head.needs or head.needs in wish.handlers]
        gates = Gates(transaction)
        suspects: list[Row] = []
        if wish.suspect and outlook.suspects:
            suspects = await _take_suspect(transaction, gates, wish, limited, now_ms)
        taken = [run_of(row) for row in suspects]
        found = await look(transaction, gates, limited, fit, now_ms, claimed=taken)
        rooms = found.room.flows
        if not found.busy:
            await block(transaction, (head for head in fit if rooms.get(head.flow) == 0))
        free = wish.slots - len(suspects)
        shares = share_out(fit, found.room, slots=free, turn=self._turns) if free else []
        rows = suspects + await _take(transaction, wish, shares, free, now_ms)
        claims = await _with_schedules(transaction, rows)
        # Nothing of a share: others have it in their hands, and the next may wait behind it.
        busy = found.busy or bool(shares and not rows)
        return Taken(claims, found.limited, busy, frozenset(gates.missing))

    def _heads(self, rows: Sequence[Row]) -> list[Head]:
        """Read the groups, and remember where the look at a queue with many of them ended."""
        self._stopped_at.clear()
        again = {row[0] for row in rows if row[6]}
        for row in rows:
            if row[7] == MOST_HEADS and row[6] == (row[0] in again):
                self._stopped_at[row[0]] = Head(*row[:6])
        return list(dict.fromkeys(Head(*row[:6]) for row in rows))


async def claimed_by(transaction: Transaction, worker: str, at_ms: int) -> list[Claim]:
    """Read the runs that a turn of a worker took at that instant."""
    asked: Values = {"worker": worker, "at": at_ms}
    return await _with_schedules(transaction, await transaction.rows("runs", "claimed", asked))


async def _with_schedules(transaction: Transaction, rows: Sequence[Row]) -> list[Claim]:
    """Read claims as they were returned, in the order in which they are to begin."""
    versions = {row[0]: row[VERSION_AT] or 0 for row in rows}
    runs = [run_of(row) for row in rows]
    runs.sort(key=lambda run: (-run.spec.priority, run.due_at_ms, run.job_id))
    return [
        replace(claim, product_version=versions[claim.run.job_id])
        for claim in await with_schedules(transaction, runs)
    ]


async def _take(
    transaction: Transaction, wish: Wish, shares: Sequence[Share], free: int, now_ms: int
) -> list[Row]:
    if not shares:
        return []
    values: Values = {
        **by_group([share.head for share in shares]),
        "most": [share.most for share in shares],
        "worker": wish.worker,
        "now": now_ms,
        "grace": wish.grace_ms,
        "slots": free,
    }
    return await transaction.rows("runs", "claim", values)


async def _take_suspect(
    transaction: Transaction, gates: Gates, wish: Wish, limited: Limited, now_ms: int
) -> list[Row]:
    """Take the first run that was lost before and that no limit holds back."""
    asked: Values = {
        "queues": list(wish.queues) or None,
        "handlers": sorted(wish.handlers),
        "most": MOST_SUSPECTS,
    }
    for job_id, number, queue, flow, limit in await transaction.rows("runs", "suspects", asked):
        named: Values = {"job_id": job_id, "number": number}
        if limit is not None:
            room = await room_in_gate(transaction, gates, flow, limit)
            if room is not None and room <= 0:
                await transaction.change("runs", "block_one", named)
            if room is None or room <= 0:
                continue
        if queue in limited:
            _, rooms = await rooms_of_queues(transaction, limited, [queue], now_ms)
            if rooms.get(queue) == 0:
                continue
        values = {**named, "worker": wish.worker, "now": now_ms, "grace": wish.grace_ms}
        rows = await transaction.rows("runs", "claim_suspect", values)
        if rows:
            return rows
    return []
