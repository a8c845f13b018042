"""The turn of a worker in the thick of it, who knows what waits: one wait in all.

Everything is sent in one breath, the commit as well. The claim shares out the groups of the last
look, and takes nothing if by now there is more to be weighed: another group waits, or a run that
was lost, a queue is limited, or the lease is gone. An ordinary turn looks again then.
"""

from collections.abc import Sequence

from msgspec import Struct

from ductape.domain.change import Settlement
from ductape.domain.job import Claim
from ductape.ports.stores.claims import Turn, Wish
from ductape.stores.postgres.rows.values import Row
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.lines import Asked
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.settling.ending import Ending, Settled, send_ends
from ductape.stores.postgres.turns.claiming import Claiming, Seen, claims_of, plain_claims
from ductape.stores.postgres.turns.outlook import ask_outlook


class _Sent(Struct, frozen=True):
    """What was asked; answered once the transaction is over."""

    ending: Ending
    outlook: Asked
    claim: Asked


async def straight_turn(
    engine: Engine, claiming: Claiming, wish: Wish, settlements: Sequence[Settlement], now_ms: int
) -> Turn | Settled | None:
    """Settle and claim what was seen; only settle, where there is more to be weighed.

    None, with nothing done, where nothing was seen or a settlement does more than to end a run.
    """
    seen = claiming.seen
    if seen is None or seen.queues != wish.queues or wish.slots == 0:
        return None
    sent = await engine.piped(lambda t: _send(t, claiming, seen, wish, settlements, now_ms))
    if sent is None:
        return None
    settled = await sent.ending.settled()
    [(leased, due_ms, *_)] = await sent.outlook.rows()
    claims = await _claims(engine, await sent.claim.rows())
    comes_ms = None if due_ms is None else due_ms - wish.ahead_ms
    if not claims or (comes_ms is not None and comes_ms <= now_ms):
        claiming.seen = None  # whoever looks queues what falls due as well
    if not claims:
        return settled
    return Turn(settled.answers, claims, comes_ms, more=True, leased=leased)


async def _send(
    transaction: Transaction,
    claiming: Claiming,
    seen: Seen,
    wish: Wish,
    settlements: Sequence[Settlement],
    now_ms: int,
) -> _Sent | None:
    ending = await send_ends(transaction, settlements)
    if ending is None:
        return None
    outlook = await ask_outlook(transaction, wish, now_ms=now_ms)
    return _Sent(
        ending, outlook, await claiming.ask_as_seen(transaction, seen, wish, now_ms=now_ms)
    )


async def _claims(engine: Engine, rows: Sequence[Row]) -> list[Claim]:
    """Read what was claimed; a recurrence is read for itself, by whoever needs it."""
    claims = plain_claims(rows)
    if any(claim.run.spec.repeat is not None for claim in claims):
        return await engine.read(lambda t: claims_of(t, rows))
    return claims
