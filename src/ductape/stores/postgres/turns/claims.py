"""Claiming on PostgreSQL: a turn is one transaction, and no two workers wait for one another."""

import logging
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ductape.domain.change import RunRef, SettleAnswer, Settlement
from ductape.domain.job import Claim, JobSpec, Progress
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.standing import losses_in_a_row
from ductape.errors import StoreError
from ductape.ports.stores.claims import Turn, Wish
from ductape.stores.postgres.intake.riding import PassengerAlong
from ductape.stores.postgres.limits.gates import make_gates
from ductape.stores.postgres.limits.room import Limited, count_starts, limited_queues
from ductape.stores.postgres.rows.searching import searchable
from ductape.stores.postgres.rows.values import Values, encode
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.settling.applying import Decide, Settling, named
from ductape.stores.postgres.settling.ending import Settled
from ductape.stores.postgres.turns.claiming import Claiming, Taken, claimed_by
from ductape.stores.postgres.turns.lone import lone_turn
from ductape.stores.postgres.turns.outlook import seen
from ductape.stores.postgres.turns.straight import straight_turn
from ductape.stores.postgres.upkeep.tidying import Wear

log = logging.getLogger("ductape.store")


class PostgresClaims:
    """Where runs are taken and given back."""

    lanes = 2
    """While the server works on one turn, this process executes what the other brought."""

    def __init__(self, engine: Engine, decide: Decide, wear: Wear, along: PassengerAlong) -> None:
        """Work on an engine; `decide` settles the runs that a leader's result answers.

        A turn that looks for a run that waits alone takes `along` the one about to be stored.
        """
        self._engine = engine
        self._along = along
        self._wear = wear
        self._settling = Settling(decide)
        self._claiming = Claiming()
        self._quiet = True
        """Whether the latest turn that looked found one run at most."""
        self.foresees: Callable[[], None] = lambda: None
        """Called when a run was claimed before its instant."""

    async def turn(self, wish: Wish, settlements: Sequence[Settlement], *, now_ms: int) -> Turn:
        """Settle, promote what fell due, renew the lease and claim, in one transaction."""
        turn = await self._turned(wish, settlements, now_ms)
        if any(claim.run.due_at_ms > now_ms for claim in turn.claims):
            self.foresees()
        return turn

    async def _turned(self, wish: Wish, settlements: Sequence[Settlement], now_ms: int) -> Turn:
        """Take the turn that promises most.

        Where gates are yet to be made, what waits behind them is claimed in a second one. Who
        knows what to find begins with a shorter turn: one that looks for a run that waits alone,
        while little comes, and in the thick of it one that does not look at all.
        """
        if self._quiet and not settlements and wish.slots > 0:
            lone = await lone_turn(self._engine, self._along.take(), wish, now_ms)
            if lone is not None:
                return lone
        turn = await straight_turn(self._engine, self._claiming, wish, settlements, now_ms)
        if isinstance(turn, Settled):
            turn = await self._further(turn, wish, settlements, now_ms)
        elif turn is None:
            turn = await self._ordinary(wish, settlements, now_ms)
        self._wear.add(len(settlements))
        return turn

    async def claimed(self, worker: str, *, at_ms: int) -> list[Claim]:
        """List what a worker's turn at that instant has claimed, though its answer was lost."""
        return await self._engine.read(lambda t: claimed_by(t, worker, at_ms))

    async def settle(self, settlements: Sequence[Settlement], *, now_ms: int) -> list[SettleAnswer]:
        """Apply settlements, each whole or not at all."""
        settle_all = self._settling.settle_all
        settled = await self._engine.write(lambda t: settle_all(t, settlements, now_ms))
        self._wear.add(len(settlements))
        return settled.answers

    async def note(
        self,
        run: RunRef,
        *,
        now_ms: int,
        checkpoint: JsonValue = None,
        progress: Progress | None = None,
    ) -> bool:
        """Store a checkpoint or progress while the fence holds; tell whether it did."""
        values: Values = {
            **named(run),
            "checkpoint": None if checkpoint is None else encode(checkpoint),
            "progress": None if progress is None else encode(progress),
            "now": now_ms,
        }
        return await self._engine.single(lambda t: t.change("runs", "checkpoint", values)) == 1

    async def learn(self, run: RunRef, spec: JobSpec) -> bool:
        """Replace what a running run is to do by what was learned of it since it was stored."""
        values: Values = {**named(run), "spec": encode(spec)}
        return await self._engine.single(lambda t: t.change("runs", "learn", values)) == 1

    async def ask_cancel(self, job_id: str, number: int, *, reason: str | None) -> bool:
        """Ask the worker of a running run to stop it; false where it does not run, or was asked."""
        values: Values = {"job_id": job_id, "number": number, "reason": searchable(reason or "")}
        return await self._engine.single(lambda t: t.change("runs", "ask_cancel", values)) == 1

    async def asked_to_stop(self, worker: str) -> list[tuple[RunRef, str | None]]:
        """List this worker's runs that somebody asked to stop, with the reasons."""
        asked: Values = {"worker": worker}
        rows = await self._engine.single(lambda t: t.rows("runs", "asked_to_stop", asked))
        return [(RunRef(row[0], row[1], row[2]), row[3] or None) for row in rows]

    async def _ordinary(
        self,
        wish: Wish,
        settlements: Sequence[Settlement],
        now_ms: int,
        settled: Settled | None = None,
    ) -> Turn:
        """Take a turn that looks before it claims; `settled`: that was done already."""
        turn, taken = await self._engine.piped(
            lambda t: self._turn(t, wish, settlements, now_ms, settled)
        )
        self._quiet = len(turn.claims) <= 1
        if taken.missing or taken.unseen:
            return await self._besides(taken, turn, wish, now_ms)
        return turn

    async def _further(
        self, settled: Settled, wish: Wish, settlements: Sequence[Settlement], now_ms: int
    ) -> Turn:
        """Look and claim, once it is settled; that is told in any case."""
        try:
            return await self._ordinary(wish, settlements, now_ms, settled)
        except StoreError as error:
            log.warning("what waits is left to the next turn: %s", error)
            return Turn(settled.answers, [], next_turn_ms=None, busy=True)

    async def _besides(self, taken: Taken, turn: Turn, wish: Wish, now_ms: int) -> Turn:
        """Claim behind gates that are yet to be made, or in queues that were not looked at.

        Nothing is held meanwhile. What was claimed already is told in any case.
        """
        suspect = wish.suspect and not any(losses_in_a_row(one.run) for one in turn.claims)
        left = replace(wish, slots=wish.slots - len(turn.claims), suspect=suspect)
        try:
            if taken.missing:
                await self._engine.write(lambda t: make_gates(t, taken.missing, now_ms))
            further, _ = await self._engine.piped(lambda t: self._turn(t, left, [], now_ms))
        except StoreError as error:
            log.warning("what else waits is left to the next turn: %s", error)
            return replace(turn, busy=True)
        return replace(
            further,
            answers=turn.answers,
            claims=[*turn.claims, *further.claims],
            crowded=turn.crowded or further.crowded,
            more=bool(turn.claims) or further.more,
        )

    async def _turn(
        self,
        transaction: Transaction,
        wish: Wish,
        settlements: Sequence[Settlement],
        now_ms: int,
        settled: Settled | None = None,
    ) -> tuple[Turn, Taken]:
        """Take a turn; tell as well what it could not take."""
        sent = settled or await self._settling.send(transaction, settlements, now_ms)
        sight = await self._claiming.look_out(transaction, wish, now_ms=now_ms)
        settled = await sent.settled()
        outlook = await seen(transaction, sight)
        limited: Limited = await limited_queues(transaction) if outlook.limited else {}
        taken = Taken([], limited, busy=False)
        if outlook.leased and wish.slots > 0:
            taken = await self._claiming.claim(transaction, wish, outlook, limited, now_ms)
        due = outlook.due_ms
        comes = None if due is None else due - wish.ahead_ms
        runs = [claim.run for claim in taken.claims]
        opens = await count_starts(transaction, taken.limited, runs, now_ms)
        freed = settled.freed + sum(_queue_of(each) in limited for each in settlements)
        turn = Turn(
            answers=settled.answers,
            claims=taken.claims,
            next_turn_ms=min((at for at in (comes, opens) if at is not None), default=None),
            crowded=freed > len(taken.claims),
            busy=taken.busy,
            # What was skipped in another worker's hands may be free again.
            more=bool(taken.claims) or taken.unseen,
            leased=outlook.leased,
        )
        return turn, taken


def _queue_of(settlement: Settlement) -> str | None:
    """Return the queue in which a run has made room."""
    return None if settlement.to is None else settlement.to.spec.queue
