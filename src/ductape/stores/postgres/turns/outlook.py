"""What a PostgreSQL turn must know before it claims, asked for in one breath."""

from dataclasses import dataclass

from msgspec import Struct

from ductape.ports.stores.claims import Wish
from ductape.stores.postgres.rows.values import Row, Values
from ductape.stores.postgres.server.lines import Asked
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.turns.rounds import Groups

MOST_PROMOTED = 1_000


class Outlook(Struct, frozen=True):
    """What there is."""

    leased: bool
    due_ms: int | None
    """When the next run falls due."""
    limited: bool
    """Whether any queue is paused or limited."""
    suspects: bool
    """Whether any run may wait that was lost before."""
    heads: list[Row]
    """The first runs of the groups that wait; none where the worker takes nothing on."""
    groups: Groups
    """Which groups were asked for."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What was asked for; the answers may be yet to come."""

    outlook: Asked
    heads: Asked | None
    groups: Groups
    """Which groups were asked for."""
    until_ms: int
    """What falls due until then is to be queued."""


async def look_out(transaction: Transaction, wish: Wish, groups: Groups, *, now_ms: int) -> Sight:
    """Renew the lease and ask what there is."""
    outlook = await ask_outlook(transaction, wish, now_ms=now_ms)
    heads = await ask_heads(transaction, groups) if wish.slots > 0 else None
    return Sight(outlook, heads, groups, now_ms + wish.ahead_ms)


async def ask_heads(transaction: Transaction, groups: Groups) -> Asked:
    """Ask for the first runs of groups."""
    return await transaction.ask("runs", "heads", groups.values())


async def ask_outlook(transaction: Transaction, wish: Wish, *, now_ms: int) -> Asked:
    """Renew the lease, and ask for what is told in one row."""
    values: Values = {"id": wish.worker, "now": now_ms, "lease_until": now_ms + wish.lease_ms}
    return await transaction.ask("runs", "outlook", values)


async def seen(transaction: Transaction, sight: Sight) -> Outlook:
    """Await the answers; queue what falls due, and look again then."""
    [(leased, due_ms, limited, suspects)] = await sight.outlook.rows()
    heads = [] if sight.heads is None else await sight.heads.rows()
    if due_ms is None or due_ms > sight.until_ms:
        return Outlook(leased, due_ms, limited, suspects, heads, sight.groups)
    promoted: Values = {"now": sight.until_ms, "most": MOST_PROMOTED}
    await transaction.change("runs", "promote", promoted)
    due_ms = await transaction.cell("runs", "next_due")
    if sight.heads is not None:
        heads = await (await ask_heads(transaction, sight.groups)).rows()
    # What was promoted may have been lost before.
    return Outlook(leased, due_ms, limited, suspects=True, heads=heads, groups=sight.groups)
