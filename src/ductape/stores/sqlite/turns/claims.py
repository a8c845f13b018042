"""Claiming and settling on SQLite: one write transaction a turn."""

import asyncio
from collections.abc import Sequence

from ductape.domain.change import RunRef, SettleAnswer, Settlement
from ductape.domain.job import Claim, JobSpec, Progress
from ductape.domain.jsonvalue import JsonValue
from ductape.errors import StoreError
from ductape.ports.stores.claims import Turn, Wish
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.file.engine import Engine, NotNow
from ductape.stores.sqlite.file.statements import statements
from ductape.stores.sqlite.intake.together import (
    Answers,
    ArrivalsAlong,
    ArrivalsRider,
    begun_by,
)
from ductape.stores.sqlite.limits.room import count_starts, limited_queues
from ductape.stores.sqlite.rows.values import encode
from ductape.stores.sqlite.settling import Decide, Settling, changed, named
from ductape.stores.sqlite.turns.claiming import Claiming, claimed_by, with_products

MOST_PROMOTED = 1_000


class SqliteClaims:
    """Where runs are taken and given back."""

    lanes = 1
    """The writer is one thread: what waits for it gathers."""

    def __init__(self, engine: Engine, decide: Decide, along: ArrivalsAlong) -> None:
        """Work on an engine; `decide` settles the runs that a leader's result answers.

        A turn with nothing to settle takes `along` the job about to be stored.
        """
        self._engine = engine
        self._along = along
        self._settling = Settling(decide)
        self._claiming = Claiming()

    async def turn(self, wish: Wish, settlements: Sequence[Settlement], *, now_ms: int) -> Turn:
        """Settle, promote what fell due, renew the lease and claim, in one transaction."""
        rider = None if settlements else self._along.take()
        if rider is not None:
            turn = self._turn_with(rider, wish, now_ms)
            if turn is not None:
                return turn
            await asyncio.sleep(0)  # it goes by itself, into the same commit if it is put before us
        return await self._engine.write(lambda c: self._turn(c, wish, settlements, now_ms))

    async def claimed(self, worker: str, *, at_ms: int) -> list[Claim]:
        """List what a worker's turn at that instant has claimed, though its answer was lost."""
        return await self._engine.read(lambda c: claimed_by(c, worker, at_ms))

    async def settle(self, settlements: Sequence[Settlement], *, now_ms: int) -> list[SettleAnswer]:
        """Apply settlements, each whole or not at all."""
        settle_all = self._settling.settle_all
        answers, _ = await self._engine.write(lambda c: settle_all(c, settlements, now_ms))
        return answers

    async def note(
        self,
        run: RunRef,
        *,
        now_ms: int,
        checkpoint: JsonValue = None,
        progress: Progress | None = None,
    ) -> bool:
        """Store a checkpoint or progress while the fence holds; tell whether it did."""
        values: dict[str, Cell] = {
            **named(run),
            "checkpoint": None if checkpoint is None else encode(checkpoint),
            "progress": None if progress is None else encode(progress),
            "now": now_ms,
        }
        return await self._engine.write(lambda c: changed(c, "checkpoint", values))

    async def learn(self, run: RunRef, spec: JobSpec) -> bool:
        """Replace what a running run is to do by what was learned of it since it was stored."""
        values: dict[str, Cell] = {**named(run), "spec": encode(spec)}
        return await self._engine.write(lambda c: changed(c, "learn", values))

    async def ask_cancel(self, job_id: str, number: int, *, reason: str | None) -> bool:
        """Ask the worker of a running run to stop it; false where it does not run, or was asked."""
        values: dict[str, Cell] = {"job_id": job_id, "number": number, "reason": reason or ""}
        return await self._engine.write(lambda c: changed(c, "ask_cancel", values))

    async def asked_to_stop(self, worker: str) -> list[tuple[RunRef, str | None]]:
        """List this worker's runs that somebody asked to stop, with the reasons."""
        sql = statements("runs")["asked_to_stop"]
        rows = await self._engine.read(lambda c: c.execute(sql, {"worker": worker}).fetchall())
        return [(RunRef(row[0], row[1], row[2]), row[3] or None) for row in rows]

    def _turn_with(self, rider: ArrivalsRider, wish: Wish, now_ms: int) -> Turn | None:
        """Store who rides along and take a turn, here and now; none where that cannot be."""

        def both(connection: Connection) -> tuple[Answers, Turn]:
            return rider.what(connection), self._turn(connection, wish, (), now_ms)

        try:
            stored, turn = self._engine.write_here(both)
        except (NotNow, StoreError):  # each by itself then: whose fault it is gets to know it
            return None
        else:
            rider.arrive(begun_by(stored, {claim.run.job_id for claim in turn.claims}))
            return turn
        finally:
            rider.stay()

    def _turn(
        self, connection: Connection, wish: Wish, settlements: Sequence[Settlement], now_ms: int
    ) -> Turn:
        limited = limited_queues(connection)
        answers, freed = self._settling.settle_all(connection, settlements, now_ms)
        freed += sum(_queue_of(each) in limited for each in settlements)
        due = _promote(connection, now_ms + wish.ahead_ms)
        leased = _renew(connection, wish, now_ms)
        wants = leased and wish.slots > 0
        runs = self._claiming.claim(connection, wish, limited, now_ms) if wants else []
        moments = (
            None if due is None else due - wish.ahead_ms,
            count_starts(connection, limited, runs, now_ms),
        )
        return Turn(
            answers=answers,
            claims=with_products(connection, runs),
            next_turn_ms=min((at for at in moments if at is not None), default=None),
            crowded=freed > len(runs),
            more=bool(runs) and (len(runs) == wish.slots or self._claiming.left_some),
            leased=leased,
        )


def _queue_of(settlement: Settlement) -> str | None:
    """Return the queue in which a run has made room."""
    return None if settlement.to is None else settlement.to.spec.queue


def _promote(connection: Connection, until_ms: int) -> int | None:
    """Let what is due until then be claimed; return when the next one is due."""
    due = _next_due(connection)
    if due is None or due > until_ms:
        return due
    connection.execute(statements("runs")["promote"], {"now": until_ms, "most": MOST_PROMOTED})
    return _next_due(connection)


def _next_due(connection: Connection) -> int | None:
    due: int | None = connection.execute(statements("runs")["next_due"]).get
    return due


def _renew(connection: Connection, wish: Wish, now_ms: int) -> bool:
    connection.execute(
        statements("workers")["beat"],
        {"id": wish.worker, "now": now_ms, "lease_until": now_ms + wish.lease_ms},
    )
    return connection.changes() == 1
