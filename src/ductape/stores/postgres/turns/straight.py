"""The turn of a worker in the thick of it, who knows what waits: one wait in all.

Everything is sent in one breath, the commit as well. The claim shares out the groups of the last
look, and takes nothing if by now there is more to be weighed: another group waits, or a run that
was lost, a queue is limited, or the lease is gone. An ordinary turn looks again then. Of many
queues the last look saw some: those that follow are looked at along with the claim.
"""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from ductape.domain.change import Settlement
from ductape.domain.job import Claim
from ductape.domain.limits.flow import Share, flow_of
from ductape.ports.stores.claims import Turn, Wish
from ductape.stores.postgres.rows.values import Row
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.lines import Asked
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.settling.ending import Ending, Settled, send_ends
from ductape.stores.postgres.turns.claiming import (
    AsSeen,
    Claiming,
    Seen,
    claims_of,
    plain_claims,
)
from ductape.stores.postgres.turns.outlook import ask_outlook


class _Sent(Struct, frozen=True):
    """What was asked; answered once the transaction is over."""

    ending: Ending
    outlook: Asked
    as_seen: AsSeen


async def straight_turn(
    engine: Engine, claiming: Claiming, wish: Wish, settlements: Sequence[Settlement], now_ms: int
) -> Turn | Settled | None:
    """Settle and claim what was seen; only settle, where there is more to be weighed.

    None, with nothing done, where nothing was seen or a settlement does more than to end a run.
    """
    seen = claiming.seen
    if seen is None or seen.view.named != wish.queues or wish.slots == 0:
        return None
    sent = await engine.piped(lambda t: _send(t, claiming, seen, wish, settlements, now_ms))
    if sent is None:
        return None
    settled = await sent.ending.settled()
    [(leased, due_ms, *_)] = await sent.outlook.rows()
    shares, claim, onward = sent.as_seen.shares, sent.as_seen.claim, sent.as_seen.onward
    claims = await _claims(engine, await claim.rows())
    if claims and onward is not None:
        await claiming.go_on(seen, wish, onward)
    comes_ms = None if due_ms is None else due_ms - wish.ahead_ms
    is_due = comes_ms is not None and comes_ms <= now_ms  # whoever looks queues that as well
    if not claims or is_due or (claiming.seen is seen and _leaves_some(shares, claims, wish)):
        claiming.seen = None
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
    as_seen = await claiming.ask_as_seen(transaction, seen, wish, now_ms=now_ms)
    return _Sent(ending, outlook, as_seen)


def _leaves_some(shares: Sequence[Share], claims: Sequence[Claim], wish: Wish) -> bool:
    """Tell whether a flow had all of its share, though others have left slots over."""
    if len(claims) == wish.slots:
        return False
    specs = [claim.run.spec for claim in claims]
    had = Counter((spec.queue, -spec.priority, flow_of(spec)) for spec in specs)
    heads = [(share.head, share.most) for share in shares]
    return any(had[head.queue, head.rank, head.flow] == most for head, most in heads)


async def _claims(engine: Engine, rows: Sequence[Row]) -> list[Claim]:
    """Read what was claimed; a recurrence is read for itself, by whoever needs it."""
    claims = plain_claims(rows)
    if any(claim.run.spec.repeat is not None for claim in claims):
        return await engine.read(lambda t: claims_of(t, rows))
    return claims
