"""Mending and pruning on SQLite, in batches that never hold the writer for long."""

import asyncio
from collections.abc import Iterable
from typing import get_args

import msgspec
from msgspec import Struct

from ductape.domain.job import Claim, Schedule
from ductape.domain.lifecycle import RunOutcome
from ductape.domain.retention import KeptFrom, Others
from ductape.ports.stores.upkeep import NO_OTHERS
from ductape.stores.sqlite.connection import Cell, Connection
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.log import begin_anew, until_long
from ductape.stores.sqlite.file.statements import statements
from ductape.stores.sqlite.limits.room import unblock
from ductape.stores.sqlite.rows.values import run_of, schedule_of
from ductape.stores.sqlite.settling import release_one, with_schedule
from ductape.stores.sqlite.steps import delete_steps

MOST_BYTES = 2 * 1024 * 1024
"""What one transaction may free of history: SQLite reads a large row to get past it."""

OUTCOMES: tuple[RunOutcome, ...] = get_args(RunOutcome)


class _Old(Struct, frozen=True):
    """Runs of a product that are kept no longer."""

    outcome: RunOutcome
    product: str
    ended_before_ms: int


class SqliteUpkeep:
    """What any worker does now and then."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def take_duty(self, duty: str, worker: str, *, now_ms: int, lease_ms: int) -> bool:
        """Take a duty for a while; false where somebody else has it."""
        values: dict[str, Cell] = {
            "duty": duty,
            "worker": worker,
            "now": now_ms,
            "lease_until": now_ms + lease_ms,
        }
        sql = statements("workers")["take_duty"]
        return await self._engine.write(lambda c: c.execute(sql, values).get is not None)

    async def orphans(self, *, limit: int) -> list[Schedule]:
        """List active recurrences without a live run and without a fault."""
        sql = statements("schedules")["orphans"]
        rows = await self._engine.read(lambda c: c.execute(sql, {"most": limit}).fetchall())
        return [schedule_of(row) for row in rows]

    async def expired(self, *, now_ms: int, limit: int) -> list[Claim]:
        """List runs that did not begin before their `expires_at`."""
        return await self._engine.read(lambda c: _expired(c, now_ms, limit))

    async def release_deserted(self, *, now_ms: int) -> int:
        """Release runs parked under a cache key that nobody leads; return how many keys."""
        # Mostly there are none, and looking holds up no writer.
        keys, flows = await self._engine.read(_deserted)
        if not keys and not flows:
            return 0
        return await self._engine.write(lambda c: _release(c, keys, flows, now_ms))

    async def prune(
        self,
        *,
        completed_before_ms: int,
        failed_before_ms: int,
        now_ms: int,
        limit: int,
        products: Others = NO_OTHERS,
    ) -> bool:
        """Delete old history, ended jobs' keys, stale cache entries; tell whether more is left."""
        default = KeptFrom(completed_before_ms, failed_before_ms)
        # What there is to do is looked for where it holds up no writer.
        old = await self._engine.read(lambda c: _old(c, default, products))
        failed_before = {tag: kept.failed_ms for tag, kept in products.items()}
        values: dict[str, Cell] = {
            "failed_before": failed_before_ms,
            "others": msgspec.json.encode(failed_before).decode(),
            "latest_before": max(failed_before_ms, *failed_before.values(), 0),
            "earliest_before": min([failed_before_ms, *failed_before.values()]),
            "now": now_ms,
            "most": limit,
        }
        return await self._engine.write(lambda c: _prune(c, old, limit, values))

    async def worn(self) -> None:
        """Wait until the write-ahead log is long: a file uses its free pages again by itself."""
        if self._engine.inline:  # Whoever is there reads and writes in turn.
            await asyncio.get_running_loop().create_future()
        await until_long(self._engine.path)

    async def tidy(self) -> bool:
        """Begin the write-ahead log anew; false where somebody reads for too long."""
        self._engine.check()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, begin_anew, self._engine.path)


def _expired(connection: Connection, now_ms: int, limit: int) -> list[Claim]:
    asked: dict[str, Cell] = {"now": now_ms, "most": limit}
    rows = connection.execute(statements("runs")["expired"], asked).fetchall()
    return [with_schedule(connection, run_of(row)) for row in rows]


def _deserted(connection: Connection) -> tuple[set[bytes], list[str]]:
    """Name the cache keys that nobody leads, and the gates that have room."""
    keys = connection.execute(statements("runs")["deserted"]).fetchall()
    flows = connection.execute(statements("runs")["open_gates"]).fetchall()
    return {row[0] for row in keys}, [row[0] for row in flows]


def _release(connection: Connection, found: set[bytes], flows: list[str], now_ms: int) -> int:
    """Look once more while nobody else can lead or follow."""
    keys = found & _deserted(connection)[0] if found else set[bytes]()
    for key in sorted(keys):
        release_one(connection, key, now_ms)
    return len(keys) + unblock(connection, flows, now_ms)


def _old(connection: Connection, default: KeptFrom, others: Others) -> list[_Old]:
    """Tell of which products there are runs that are old, by outcome."""
    found: list[_Old] = []
    for outcome in OUTCOMES:
        asked: dict[str, Cell] = {"outcome": outcome}
        for product, oldest_ms in connection.execute(statements("history")["oldest"], asked):
            kept = others.get(product, default)
            before_ms = kept.completed_ms if outcome == "completed" else kept.failed_ms
            if oldest_ms < before_ms:
                found.append(_Old(outcome, product, before_ms))
    return found


def _prune(
    connection: Connection, old: Iterable[_Old], limit: int, values: dict[str, Cell]
) -> bool:
    runs = _oldest(connection, old, limit)
    connection.executemany(statements("history")["delete"], runs)
    delete_steps(connection, runs)
    jobs = {str(one["job_id"]) for one in runs}
    # After history: a recurrence outlives its own.
    jobs.update(row[0] for row in connection.execute(statements("schedules")["prune"], values))
    keys: list[dict[str, Cell]] = [{"job_id": job_id} for job_id in jobs]
    connection.executemany(statements("job_keys")["free"], keys)
    # Of large rows fewer go at a time, so that any at all may mean that there are more.
    more = bool(jobs)
    for table in ("cache_entries", "quota_windows", "breakers", "sessions"):
        connection.execute(statements(table)["prune"], values)
        more = more or connection.changes() == values["most"]
    return more


def _oldest(connection: Connection, old: Iterable[_Old], most: int) -> list[dict[str, Cell]]:
    """Name old runs, of each product the oldest first: `most`, or what fills `MOST_BYTES`."""
    named: list[dict[str, Cell]] = []
    size = 0
    for one in old:
        asked: dict[str, Cell] = {
            "outcome": one.outcome,
            "product": one.product,
            "ended_before": one.ended_before_ms,
            "most": most - len(named),
        }
        for job_id, number, row_size in connection.execute(statements("history")["old"], asked):
            named.append({"job_id": job_id, "number": number})
            size += row_size
            if size >= MOST_BYTES:
                return named
    return named
