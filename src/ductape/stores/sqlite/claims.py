"""Claiming and settling on SQLite: one write transaction a turn."""

from collections.abc import Sequence

from msgspec.structs import replace

from ductape.domain.change import RunRef, SettleAnswer, Settlement
from ductape.domain.job import Claim, Progress, Run
from ductape.domain.jsonvalue import JsonValue
from ductape.ports.stores.claims import Turn, Wish
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.engine import Engine
from ductape.stores.sqlite.rows import encode, run_of
from ductape.stores.sqlite.settling import Decide, Settling, changed, named, with_schedule
from ductape.stores.sqlite.statements import statements

MOST_PROMOTED = 1_000


class SqliteClaims:
    """Where runs are taken and given back."""

    def __init__(self, engine: Engine, decide: Decide) -> None:
        """Work on an engine; `decide` settles the runs that a leader's result answers."""
        self._engine = engine
        self._settling = Settling(decide)
        self._turns = 0

    async def turn(self, wish: Wish, settlements: Sequence[Settlement], *, now_ms: int) -> Turn:
        """Settle, promote what fell due, renew the lease and claim, in one transaction."""
        return await self._engine.write(lambda c: self._turn(c, wish, settlements, now_ms))

    async def settle(self, settlements: Sequence[Settlement], *, now_ms: int) -> list[SettleAnswer]:
        """Apply settlements, each whole or not at all."""
        return await self._engine.write(lambda c: self._settling.settle_all(c, settlements, now_ms))

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

    async def ask_cancel(self, job_id: str, number: int, *, reason: str | None) -> bool:
        """Ask the worker of a running run to stop it; false where it does not run."""
        values: dict[str, Cell] = {"job_id": job_id, "number": number, "reason": reason or ""}
        return await self._engine.write(lambda c: changed(c, "ask_cancel", values))

    async def asked_to_stop(self, worker: str) -> list[tuple[RunRef, str | None]]:
        """List this worker's runs that somebody asked to stop, with the reasons."""
        sql = statements("runs")["asked_to_stop"]
        rows = await self._engine.read(lambda c: c.execute(sql, {"worker": worker}).fetchall())
        return [(RunRef(row[0], row[1], row[2]), row[3] or None) for row in rows]

    def _turn(
        self, connection: Connection, wish: Wish, settlements: Sequence[Settlement], now_ms: int
    ) -> Turn:
        answers = self._settling.settle_all(connection, settlements, now_ms)
        _promote(connection, now_ms)
        leased = _renew(connection, wish, now_ms)
        claims = self._claim(connection, wish, now_ms) if leased and wish.slots > 0 else []
        due = connection.execute(statements("runs")["next_due"]).get
        return Turn(answers, claims, due, leased)

    def _claim(self, connection: Connection, wish: Wish, now_ms: int) -> list[Claim]:
        runs: list[Run] = []
        suspect = wish.suspect
        for queue in self._in_turn(_queues(connection, wish)):
            if suspect and len(runs) < wish.slots:
                found = _take(connection, "claim_suspect", wish, queue, now_ms, 1)
                suspect = not found
                runs += found
            if len(runs) < wish.slots:
                runs += _take(connection, "claim", wish, queue, now_ms, wish.slots - len(runs))
        return _with_products(connection, runs)

    def _in_turn(self, queues: tuple[str, ...]) -> tuple[str, ...]:
        """Begin with another queue each time, so that a full one starves none."""
        self._turns += 1
        first = self._turns % len(queues) if queues else 0
        return queues[first:] + queues[:first]


def _promote(connection: Connection, now_ms: int) -> None:
    due = connection.execute(statements("runs")["next_due"]).get
    if due is not None and due <= now_ms:
        connection.execute(statements("runs")["promote"], {"now": now_ms, "most": MOST_PROMOTED})


def _renew(connection: Connection, wish: Wish, now_ms: int) -> bool:
    connection.execute(
        statements("workers")["beat"],
        {"id": wish.worker, "now": now_ms, "lease_until": now_ms + wish.lease_ms},
    )
    return connection.changes() == 1


def _queues(connection: Connection, wish: Wish) -> tuple[str, ...]:
    """Return the queues that a worker may claim from: the named ones, else all with a run."""
    rows = connection.execute(statements("runs")["queues"]) if not wish.queues else ()
    return wish.queues or tuple(row[0] for row in rows)


def _take(
    connection: Connection, name: str, wish: Wish, queue: str, now_ms: int, slots: int
) -> list[Run]:
    values: dict[str, Cell] = {
        "worker": wish.worker,
        "queue": queue,
        "handlers": encode(sorted(wish.handlers)).decode(),
        "now": now_ms,
        "grace": wish.grace_ms,
    }
    if name == "claim":
        values["slots"] = slots
    rows = connection.execute(statements("runs")[name], values).fetchall()
    runs = [run_of(row) for row in rows]
    return sorted(runs, key=lambda run: (-run.spec.priority, run.due_at_ms, run.job_id))


def _with_products(connection: Connection, runs: list[Run]) -> list[Claim]:
    sql = statements("products")["version"]
    versions: dict[str, int] = {
        tag: connection.execute(sql, {"tag": tag}).get or 0
        for tag in {run.spec.product for run in runs}
    }
    return [
        replace(with_schedule(connection, run), product_version=versions[run.spec.product])
        for run in runs
    ]
