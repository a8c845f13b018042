"""Claiming and settling on SQLite: one write transaction a turn."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ductape.domain.change import CacheEntry, RunRef, SettleAnswer, Settlement
from ductape.domain.job import Claim, Finished, Progress, Run
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.outcome import Cached, Cancelled, Outcome
from ductape.ports.stores.claims import Turn, Wish
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.engine import Engine
from ductape.stores.sqlite.rows import (
    encode,
    finished_row,
    moving_columns,
    run_of,
    run_row,
    schedule_of,
    schedule_row,
)
from ductape.stores.sqlite.statements import statements

Decide = Callable[[Claim, Outcome, int], Settlement]
"""`domain.settlement.settle`, with chance and zones filled in by the root."""

MOST_PROMOTED = 1_000


class SqliteClaims:
    """Where runs are taken and given back."""

    def __init__(self, engine: Engine, decide: Decide) -> None:
        """Work on an engine; `decide` settles the runs that a leader's result answers."""
        self._engine = engine
        self._decide = decide
        self._turns = 0

    async def turn(self, wish: Wish, settlements: Sequence[Settlement], *, now_ms: int) -> Turn:
        """Settle, promote what fell due, renew the lease and claim, in one transaction."""
        return await self._engine.write(lambda c: self._turn(c, wish, settlements, now_ms))

    async def settle(self, settlements: Sequence[Settlement], *, now_ms: int) -> list[SettleAnswer]:
        """Apply settlements, each whole or not at all."""
        return await self._engine.write(lambda c: self._settle_all(c, settlements, now_ms))

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
            **_named(run),
            "checkpoint": None if checkpoint is None else encode(checkpoint),
            "progress": None if progress is None else encode(progress),
            "now": now_ms,
        }
        return await self._engine.write(lambda c: _changed(c, "checkpoint", values))

    async def ask_cancel(self, job_id: str, number: int, *, reason: str | None) -> bool:
        """Ask the worker of a running run to stop it; false where it does not run."""
        values: dict[str, Cell] = {"job_id": job_id, "number": number, "reason": reason or ""}
        return await self._engine.write(lambda c: _changed(c, "ask_cancel", values))

    async def asked_to_stop(self, worker: str) -> list[tuple[RunRef, str | None]]:
        """List this worker's runs that somebody asked to stop, with the reasons."""
        sql = statements("runs")["asked_to_stop"]
        rows = await self._engine.read(lambda c: c.execute(sql, {"worker": worker}).fetchall())
        return [(RunRef(row[0], row[1], row[2]), row[3] or None) for row in rows]

    def _turn(
        self, connection: Connection, wish: Wish, settlements: Sequence[Settlement], now_ms: int
    ) -> Turn:
        answers = self._settle_all(connection, settlements, now_ms)
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

    def _settle_all(
        self, connection: Connection, settlements: Sequence[Settlement], now_ms: int
    ) -> list[SettleAnswer]:
        return [self._settle(connection, settlement, now_ms) for settlement in settlements]

    def _settle(self, connection: Connection, asked: Settlement, now_ms: int) -> SettleAnswer:
        settlement = self._heed_stop(connection, asked, now_ms)
        if settlement.schedule is not None and not _is_next(connection, settlement):
            return "stale"
        if settlement.run is not None and not _move(connection, settlement, now_ms):
            return "fenced"
        if settlement.reopens and not _reopen(connection, settlement):
            return "fenced"
        if settlement.schedule is not None:
            row = schedule_row(settlement.schedule, now_ms)
            connection.execute(statements("schedules")["update"], row)
        if settlement.next_run is not None:
            store_run(connection, settlement.next_run, now_ms)
        if settlement.cache is not None and isinstance(settlement.to, Finished):
            self._remember(connection, settlement.cache, settlement.to.result, now_ms)
        if settlement.release is not None:
            release_one(connection, settlement.release, now_ms)
        return "recorded"

    def _heed_stop(self, connection: Connection, settlement: Settlement, now_ms: int) -> Settlement:
        """End a run that would go back although somebody has asked it to stop."""
        back, held = settlement.to, settlement.run
        if held is None or not isinstance(back, Run):
            return settlement
        reason = connection.execute(statements("runs")["stop_reason"], _named(held)).get
        if reason is None:
            return settlement
        claim = with_schedule(connection, replace(back, fence=held.fence))
        ended = self._decide(claim, Cancelled(reason or None), now_ms)
        return replace(ended, release=settlement.release)

    def _remember(
        self, connection: Connection, entry: CacheEntry, result: JsonValue, now_ms: int
    ) -> None:
        """Write an entry and complete every run that was parked behind it."""
        values: dict[str, Cell] = {
            "key": entry.key,
            "product": entry.product,
            "tag": entry.tag,
            "event": entry.event,
            "kind": entry.kind,
            "result": encode(result),
            "expires_at": entry.expires_at_ms,
            "now": now_ms,
        }
        connection.execute(statements("cache_entries")["put"], values)
        parked = connection.execute(statements("runs")["parked"], {"key": entry.key}).fetchall()
        for row in parked:
            claim = with_schedule(connection, run_of(row))
            self._settle(connection, self._decide(claim, Cached(result), now_ms), now_ms)


def store_run(connection: Connection, run: Run, now_ms: int) -> None:
    """Insert a live run."""
    connection.execute(statements("runs")["insert"], run_row(run, now_ms))


def release_one(connection: Connection, key: bytes, now_ms: int) -> None:
    """Let the first run that is parked under a cache key be claimed."""
    connection.execute(statements("runs")["release_one"], {"key": key, "now": now_ms})


def with_schedule(connection: Connection, run: Run) -> Claim:
    """Read what settling a run takes."""
    if run.spec.repeat is None:
        return Claim(run)
    row = connection.execute(statements("schedules")["get"], {"job_id": run.job_id}).fetchone()
    return Claim(run, None if row is None else schedule_of(row))


def _is_next(connection: Connection, settlement: Settlement) -> bool:
    schedule = settlement.schedule
    if schedule is None:
        return True
    stored = connection.execute(statements("schedules")["version"], {"job_id": schedule.job_id}).get
    return stored == schedule.version - 1


def _move(connection: Connection, settlement: Settlement, now_ms: int) -> bool:
    """End the run or give it back, if the fence holds; then write its history."""
    run = settlement.run
    if run is None:
        return True
    if isinstance(settlement.to, Run):
        back: dict[str, Cell] = {
            **moving_columns(settlement.to),
            **_named(run),
            "state": settlement.to.state,
            "next_fence": settlement.to.fence,
            "now": now_ms,
        }
        return _changed(connection, "give_back", back)
    if not _changed(connection, "delete", _named(run)):
        return False
    if settlement.to is not None:
        connection.execute(statements("history")["insert"], finished_row(settlement.to))
    return True


def _reopen(connection: Connection, settlement: Settlement) -> bool:
    """Take the last word from the run before; false where somebody else already has."""
    if settlement.next_run is None:
        return False
    named: dict[str, Cell] = {
        "job_id": settlement.job_id,
        "number": settlement.next_run.number - 1,
    }
    connection.execute(statements("history")["supersede"], named)
    return connection.changes() == 1


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
    return sorted(runs, key=lambda run: (-run.spec.priority, run.due_at_ms))


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


def _changed(connection: Connection, name: str, values: dict[str, Cell]) -> bool:
    connection.execute(statements("runs")[name], values)
    return connection.changes() == 1


def _named(run: RunRef) -> dict[str, Cell]:
    return {"job_id": run.job_id, "number": run.number, "fence": run.fence}
