"""Which runs a PostgreSQL worker takes: the heads of what waits, shared out, taken together.

Groups of runs that the worker has no handler for, or that a limit holds back, are passed over as
one: what is blocked costs a claim nothing, however much there is of it. Rows that another worker
holds are skipped, not waited for.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.job import Claim
from ductape.domain.limits.flow import Head, Room, Share, share_out
from ductape.ports.stores.claims import Wish
from ductape.stores.postgres.limits.gates import Gates
from ductape.stores.postgres.limits.room import (
    Limited,
    block,
    by_group,
    look,
    room_in_gate,
    rooms_of_queues,
)
from ductape.stores.postgres.rows.values import RUN_COLUMNS, Row, Values, run_of
from ductape.stores.postgres.server.lines import Asked
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.settling.applying import schedules_of
from ductape.stores.postgres.turns.outlook import (
    MOST_HEADS,
    Outlook,
    Sight,
    groups_asked_for,
    look_out,
)

MOST_SUSPECTS = 10
UNLIMITED = Room({}, {})
"""Where no queue and no flow has a limit."""
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


class Seen(Struct, frozen=True):
    """What waited at the last look, where nothing had to be weighed but to share it out fairly."""

    queues: tuple[str, ...]
    """Where it was looked; empty for every queue."""
    heads: Sequence[Head]


class Claiming:
    """Takes runs for the workers of one process."""

    def __init__(self) -> None:
        """Begin with the first queue."""
        self._turns = 0
        self._stopped_at: dict[str, Head] = {}
        """Where the look at a queue with many groups ended."""
        self.seen: Seen | None = None
        """What a claim can go by without a look."""

    async def look_out(self, transaction: Transaction, wish: Wish, *, now_ms: int) -> Sight:
        """Ask what a turn must know, from where the last look ended as well."""
        return await look_out(transaction, wish, [*self._stopped_at.values()], now_ms=now_ms)

    async def claim(
        self, transaction: Transaction, wish: Wish, outlook: Outlook, limited: Limited, now_ms: int
    ) -> Taken:
        """Take what fits, in the order in which it is to begin."""
        self._turns += 1
        heads = self._heads(outlook.heads)
        fit = _fit(heads, wish)
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
        claims = await claims_of(transaction, rows)
        self.seen = self._plain(outlook, heads, wish) if rows else None
        # Nothing of a share: others have it in their hands, and the next may wait behind it.
        busy = found.busy or bool(shares and not rows)
        return Taken(claims, found.limited, busy, frozenset(gates.missing))

    async def ask_as_seen(
        self, transaction: Transaction, seen: Seen, wish: Wish, *, now_ms: int
    ) -> Asked:
        """Ask for the shares of what was seen, unless there is more to be weighed by now."""
        self._turns += 1
        shares = share_out(_fit(seen.heads, wish), UNLIMITED, slots=wish.slots, turn=self._turns)
        values: Values = {
            **groups_asked_for(wish, []),
            **{f"seen_{name}": column for name, column in by_group(seen.heads).items()},
            **_taking(wish, shares, wish.slots, now_ms),
        }
        return await transaction.ask("runs", "claim_as_seen", values)

    def _plain(self, outlook: Outlook, heads: Sequence[Head], wish: Wish) -> Seen | None:
        """Return what was seen, if that is all there is to know."""
        flows = {(head.queue, head.rank, head.flow) for head in heads}
        special = outlook.limited or outlook.suspects or self._stopped_at
        # Of a flow with several handlers the oldest comes first, which has to be looked at.
        if special or len(flows) < len(heads) or any(head.limit is not None for head in heads):
            return None
        return Seen(wish.queues, heads)

    def _heads(self, rows: Sequence[Row]) -> list[Head]:
        """Read the groups, and remember where the look at a queue with many of them ended."""
        self._stopped_at.clear()
        again = {row[0] for row in rows if row[6]}
        for row in rows:
            if row[7] == MOST_HEADS and row[6] == (row[0] in again):
                self._stopped_at[row[0]] = Head(*row[:6])
        return list(dict.fromkeys(Head(*row[:6]) for row in rows))


def _fit(heads: Sequence[Head], wish: Wish) -> list[Head]:
    """Return the groups that the worker has a handler for."""
    return [head for head in heads if not head.needs or head.needs in wish.handlers]


async def claimed_by(transaction: Transaction, worker: str, at_ms: int) -> list[Claim]:
    """Read the runs that a turn of a worker took at that instant."""
    asked: Values = {"worker": worker, "at": at_ms}
    return await claims_of(transaction, await transaction.rows("runs", "claimed", asked))


async def claims_of(transaction: Transaction, rows: Sequence[Row]) -> list[Claim]:
    """Read claims as they were returned, in the order in which they are to begin."""
    claims = plain_claims(rows)
    schedules = await schedules_of(transaction, [claim.run for claim in claims])
    if not schedules:
        return claims
    return [replace(claim, schedule=schedules.get(claim.run.job_id)) for claim in claims]


def plain_claims(rows: Sequence[Row]) -> list[Claim]:
    """Read the claims of runs that do not recur."""
    claims = [Claim(run_of(row), product_version=row[VERSION_AT] or 0) for row in rows]
    claims.sort(key=lambda one: (-one.run.spec.priority, one.run.due_at_ms, one.run.job_id))
    return claims


async def _take(
    transaction: Transaction, wish: Wish, shares: Sequence[Share], free: int, now_ms: int
) -> list[Row]:
    if not shares:
        return []
    return await transaction.rows("runs", "claim", _taking(wish, shares, free, now_ms))


def _taking(wish: Wish, shares: Sequence[Share], slots: int, now_ms: int) -> Values:
    return {
        **by_group([share.head for share in shares]),
        "share": [share.most for share in shares],
        "worker": wish.worker,
        "now": now_ms,
        "grace": wish.grace_ms,
        "slots": slots,
    }


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
