"""The turn of a worker with nothing to settle who finds one run waiting, or none: one wait in all.

Everything is sent in one breath, the commit as well, and the answers are read once it is done. That
is possible because nothing has to be weighed: a run that waits alone is taken by its own statement.
Whatever else there is, is left to an ordinary turn, which looks before it claims.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from ductape.domain.job import Claim
from ductape.errors import StoreError
from ductape.ports.stores.claims import Turn, Wish
from ductape.stores.postgres.intake.inserting import send_run
from ductape.stores.postgres.intake.riding import PassengerRider, arrive
from ductape.stores.postgres.rows.values import Row, Values, run_of
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.lines import Asked
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.turns.claiming import VERSION_AT
from ductape.stores.postgres.turns.outlook import ask_outlook


@dataclass(frozen=True, slots=True)
class _Sent:
    """What was asked; answered once the transaction is over."""

    stored: Asked | None
    """Of the run that was taken along."""
    outlook: Asked
    waits: Asked
    claim: Asked


async def lone_turn(
    engine: Engine, rider: PassengerRider | None, wish: Wish, now_ms: int
) -> Turn | None:
    """Store who rides along and take the run that waits alone; none where there is more to it."""
    try:
        sent = await engine.piped(lambda t: _send(t, rider, wish, now_ms))
    except BaseException as error:
        if rider is not None:
            rider.stay(in_doubt=not isinstance(error, StoreError) or error.in_doubt)
        raise
    [(leased, due_ms, limited, suspects)] = await sent.outlook.rows()
    [(waits,)] = await sent.waits.rows()
    claims = [_claim(row) for row in await sent.claim.rows()]
    if rider is not None and sent.stored is not None:
        arrive(rider, claims, stored=bool(await sent.stored.rows()))
    is_due = due_ms is not None and due_ms <= now_ms + wish.ahead_ms
    if leased and not claims and (waits or limited or suspects or is_due):
        return None
    next_turn_ms = None if due_ms is None else due_ms - wish.ahead_ms
    return Turn([], claims, next_turn_ms, leased=leased)


async def _send(
    transaction: Transaction, rider: PassengerRider | None, wish: Wish, now_ms: int
) -> _Sent:
    stored: Asked | None = None
    if rider is not None:
        stored = await send_run(transaction, rider.what)
    values: Values = {
        "worker": wish.worker,
        "queues": list(wish.queues) or None,
        "handlers": sorted(wish.handlers),
        "now": now_ms,
        "until": now_ms + wish.ahead_ms,
        "grace": wish.grace_ms,
    }
    return _Sent(
        stored,
        await ask_outlook(transaction, wish, now_ms=now_ms),
        await transaction.ask("runs", "waits"),
        await transaction.ask("runs", "claim_lone", values),
    )


def _claim(row: Row) -> Claim:
    return replace(Claim(run_of(row)), product_version=row[VERSION_AT] or 0)
