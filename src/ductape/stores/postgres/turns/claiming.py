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
from ductape.stores.postgres.turns.outlook import Outlook, Sight, ask_heads, look_out
from ductape.stores.postgres.turns.rounds import MOST_QUEUES, Groups, Rounds, View

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
    unseen: bool = False
    """Whether nothing fits in the queues that were looked at, and there are others."""


class Seen(Struct, frozen=True):
    """What waited at the last look, where nothing had to be weighed but to share it out fairly."""

    view: View
    on: str | None = None
    """After which of many queues to look on; none: after the last that has a share now."""


class Onward(Struct, frozen=True):
    """A look at the queues that follow, for the next turn to go by; its answer may be to come."""

    groups: Groups
    heads: Asked


class AsSeen(Struct, frozen=True):
    """A claim by what was seen; its answer may be to come."""

    shares: list[Share]
    claim: Asked
    onward: Onward | None
    """None where there are few queues."""


class Claiming:
    """Takes runs for the workers of one process."""

    def __init__(self) -> None:
        """Begin with the first queue."""
        self._turns = 0
        self._rounds = Rounds()
        self.seen: Seen | None = None
        """What a claim can go by without a look."""

    async def look_out(self, transaction: Transaction, wish: Wish, *, now_ms: int) -> Sight:
        """Ask what a turn must know, from where the last look ended."""
        return await look_out(transaction, wish, self._rounds.groups(wish), now_ms=now_ms)

    async def claim(
        self, transaction: Transaction, wish: Wish, outlook: Outlook, limited: Limited, now_ms: int
    ) -> Taken:
        """Take what fits, in the order in which it is to begin."""
        view = self._rounds.view(outlook.groups, outlook.heads)
        fit = _fit(view, wish)
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
        shares = self._shares(view, fit, found.room, free) if free else []
        if free:
            self._rounds.go_on(view, {share.head.queue for share in shares}, free)
        rows, self.seen = suspects, None
        if shares:
            onward = None if outlook.limited or outlook.suspects else view
            values = _taking(wish, shares, free, now_ms)
            rows = rows + await self._take(transaction, wish, values, onward)
        return Taken(
            await claims_of(transaction, rows),
            found.limited,
            # Nothing of a share: others have it in their hands, and the next may wait behind it.
            busy=found.busy or bool(shares and not rows),
            missing=frozenset(gates.missing),
            unseen=free > 0 and not shares and view.is_part,
        )

    async def ask_as_seen(
        self, transaction: Transaction, seen: Seen, wish: Wish, *, now_ms: int
    ) -> AsSeen:
        """Ask for the shares of what was seen, unless there is more to be weighed by now."""
        view = seen.view
        shares = self._shares(view, _fit(view, wish), UNLIMITED, wish.slots)
        values: Values = {
            **Groups(wish.queues if view.after is None else view.queues).values(),
            **{f"seen_{name}": column for name, column in by_group(view.heads).items()},
            **_taking(wish, shares, wish.slots, now_ms),
        }
        claim = await transaction.ask("runs", "claim_as_seen", values)
        if view.after is None:
            return AsSeen(shares, claim, None)
        after = seen.on or view.end({share.head.queue for share in shares}, wish.slots)
        return AsSeen(shares, claim, await self._ask_onward(transaction, wish, after))

    async def go_on(self, seen: Seen | None, wish: Wish, onward: Onward) -> None:
        """Go by the queues that follow; where nothing fits there, by what was seen before.

        Unless another lane has come further meanwhile.
        """
        rows = await onward.heads.rows()
        if self.seen is not seen:
            return
        view = self._rounds.view(onward.groups, rows)
        if view.after is None or _fit(view, wish):
            self._rounds.begin(view.after or "")
            self.seen = _plain(view, wish)
        elif seen is not None:
            self._rounds.begin(view.queues[-1], again=True)
            self.seen = replace(seen, on=view.queues[-1])

    def _shares(self, view: View, fit: Sequence[Head], room: Room, slots: int) -> list[Share]:
        """Share out what fits, each turn from another queue on."""
        self._turns += 1
        turn = self._turns if view.after is None else self._rounds.count
        return share_out(fit, room, slots=slots, turn=turn, after=view.after)

    async def _take(
        self, transaction: Transaction, wish: Wish, values: Values, plain: View | None
    ) -> list[Row]:
        """Take shares; `plain`: what was seen, where that is all there is to know."""
        asked = await transaction.ask("runs", "claim", values)
        if plain is None:
            return await asked.rows()
        many = plain.after is not None
        onward = await self._ask_onward(transaction, wish, self._rounds.after) if many else None
        rows = await asked.rows()
        self.seen = seen = _plain(plain, wish) if rows else None
        if onward is not None:
            await self.go_on(seen, wish, onward)
        return rows

    async def _ask_onward(self, transaction: Transaction, wish: Wish, after: str) -> Onward:
        groups = replace(self._rounds.groups(wish), after=after, most=MOST_QUEUES)
        return Onward(groups, await ask_heads(transaction, groups))


def _plain(view: View, wish: Wish) -> Seen | None:
    """Return what was seen, if that is all there is to know; of many queues those of use."""
    fit = {head.queue for head in _fit(view, wish)}
    if view.after is not None:
        view = view.among({*[queue for queue in view.queues if queue in fit][:MOST_QUEUES]})
    flows = {(head.queue, head.rank, head.flow) for head in view.heads}
    # Of a flow with several handlers the oldest comes first, which has to be looked at.
    special = view.long or len(flows) < len(view.heads)
    if special or not fit or any(head.limit is not None for head in view.heads):
        return None
    return Seen(view)


def _fit(view: View, wish: Wish) -> list[Head]:
    """Return the groups that the worker has a handler for."""
    return [head for head in view.heads if not head.needs or head.needs in wish.handlers]


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
