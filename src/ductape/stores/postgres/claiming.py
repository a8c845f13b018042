"""Which runs a PostgreSQL worker takes: the heads of what waits, shared out, taken together.

Groups of runs that the worker has no handler for, or that a limit holds back, are passed over as
one: what is blocked costs a claim nothing, however much there is of it. Rows that another worker
holds are skipped, not waited for.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.flow import Head, Share, share_out
from ductape.domain.job import Claim, Run
from ductape.ports.stores.claims import Wish
from ductape.stores.postgres.limits import (
    Limited,
    block,
    by_group,
    look,
    room_in_gate,
    rooms_of_queues,
)
from ductape.stores.postgres.products import newest_versions
from ductape.stores.postgres.rows import Values, run_of
from ductape.stores.postgres.settling import with_schedules
from ductape.stores.postgres.transaction import Transaction

MOST_HEADS = 64
"""How many groups of a queue a turn looks at; the next turn begins where it stopped as well."""
MOST_SUSPECTS = 10


class Taken(Struct, frozen=True):
    """What a claim brought."""

    runs: list[Run]
    limited: Limited
    busy: bool
    """Whether something was in another worker's hands."""


class Claiming:
    """Takes runs for the workers of one process."""

    def __init__(self) -> None:
        """Begin with the first queue."""
        self._turns = 0
        self._stopped_at: dict[str, Head] = {}
        """Where the look at a queue with many groups ended."""

    async def claim(
        self, transaction: Transaction, wish: Wish, limited: Limited, now_ms: int
    ) -> Taken:
        """Take what fits, in the order in which it is to begin."""
        self._turns += 1
        heads = await self._heads(transaction, wish)
        fit = [head for head in heads if not head.needs or head.needs in wish.handlers]
        suspects = await _take_suspect(transaction, wish, limited, now_ms) if wish.suspect else []
        found = await look(transaction, limited, fit, now_ms)
        rooms = found.room.flows
        if not found.busy:
            await block(transaction, (head for head in fit if rooms.get(head.flow) == 0))
        free = wish.slots - len(suspects)
        shares = share_out(fit, found.room, slots=free, turn=self._turns) if free else []
        runs = suspects + await _take(transaction, wish, shares, free, now_ms)
        runs.sort(key=lambda run: (-run.spec.priority, run.due_at_ms, run.job_id))
        return Taken(runs, found.limited, found.busy)

    async def _heads(self, transaction: Transaction, wish: Wish) -> list[Head]:
        """Look at the first groups of each queue, and at those from where the last look ended."""
        last = [*self._stopped_at.values()]
        self._stopped_at.clear()
        asked: Values = {
            "queues": list(wish.queues) or None,
            "most": MOST_HEADS,
            **{f"last_{name}": column for name, column in by_group(last).items()},
        }
        rows = await transaction.rows("runs", "heads", asked)
        again = {row[0] for row in rows if row[6]}
        for row in rows:
            if row[7] == MOST_HEADS and row[6] == (row[0] in again):
                self._stopped_at[row[0]] = Head(*row[:6])
        return list(dict.fromkeys(Head(*row[:6]) for row in rows))


async def claimed_by(transaction: Transaction, worker: str, at_ms: int) -> list[Claim]:
    """Read the runs that a turn of a worker took at that instant."""
    asked: Values = {"worker": worker, "at": at_ms}
    rows = await transaction.rows("runs", "claimed", asked)
    return await with_products(transaction, [run_of(row) for row in rows])


async def with_products(transaction: Transaction, runs: Sequence[Run]) -> list[Claim]:
    """Read what executing and settling runs takes."""
    versions = await newest_versions(transaction, {run.spec.product for run in runs})
    return [
        replace(claim, product_version=versions.get(claim.run.spec.product, 0))
        for claim in await with_schedules(transaction, runs)
    ]


async def _take(
    transaction: Transaction, wish: Wish, shares: Sequence[Share], free: int, now_ms: int
) -> list[Run]:
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
    return [run_of(row) for row in await transaction.rows("runs", "claim", values)]


async def _take_suspect(
    transaction: Transaction, wish: Wish, limited: Limited, now_ms: int
) -> list[Run]:
    """Take the first run that was lost before and that no limit holds back."""
    asked: Values = {
        "queues": list(wish.queues) or None,
        "handlers": sorted(wish.handlers),
        "most": MOST_SUSPECTS,
    }
    for job_id, number, queue, flow, limit in await transaction.rows("runs", "suspects", asked):
        named: Values = {"job_id": job_id, "number": number}
        if limit is not None:
            room = await room_in_gate(transaction, flow, limit, now_ms)
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
            return [run_of(row) for row in rows]
    return []
