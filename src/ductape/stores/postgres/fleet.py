"""Workers and their leases on PostgreSQL. The heartbeat has a connection of its own (`pulse`)."""

import psycopg

from ductape.domain.job import Claim
from ductape.domain.schema import StoreSchema
from ductape.ports.stores.fleet import Pulse, WorkerRecord
from ductape.stores.postgres.rows.values import Row, Values, run_of
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.faults import explain
from ductape.stores.postgres.server.locks import begun, bounded
from ductape.stores.postgres.server.patience import watched_by_thread
from ductape.stores.postgres.server.poolers import let_go
from ductape.stores.postgres.server.statements import known_schema
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.settling.applying import with_schedules

BURIED_AFTER_MS = 86_400_000
"""How long a dead worker is still listed in the table: a day."""


class PostgresFleet:
    """Who works."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def register(self, worker: WorkerRecord, *, now_ms: int, lease_ms: int) -> None:
        """Announce a worker and its handlers.

        Raises `StoreError` where a migration has made its version too old.
        """

        async def step(transaction: Transaction) -> None:
            # Read under a lock: no migration is made until the worker is in the table.
            [schema] = await transaction.rows("migrations", "newest")
            self._engine.heed(StoreSchema(*schema))
            await _register(transaction, worker, now_ms, lease_ms)

        await self._engine.write(step)

    def pulse(self) -> Pulse:
        """Give what renews a lease from a thread of its own; it connects when it first beats."""
        return PostgresPulse(self._engine)

    async def leave(self, worker: str) -> None:
        """Take a worker off the list."""
        await self._engine.single(lambda t: t.change("workers", "leave", {"id": worker}))

    async def workers(self, *, now_ms: int) -> list[WorkerRecord]:
        """List the live ones."""
        rows = await self._engine.single(lambda t: t.rows("workers", "live", {"now": now_ms}))
        return [_worker_of(row) for row in rows]

    async def known_handlers(self, tags: frozenset[str]) -> frozenset[str]:
        """Tell which of the tags some worker has announced, ever."""
        asked: Values = {"tags": sorted(tags)}
        rows = await self._engine.single(lambda t: t.rows("workers", "known", asked))
        return frozenset(row[0] for row in rows)

    async def lost(self, *, now_ms: int, limit: int) -> list[Claim]:
        """List running runs whose worker's lease, or whose own deadline and grace, has passed."""
        return await self._engine.read(lambda t: _lost(t, now_ms, limit))


class PostgresPulse:
    """Renews one worker's lease from whatever thread calls; that thread alone."""

    def __init__(self, engine: Engine) -> None:
        """Remember where to connect."""
        self._address = engine.address
        self._pooled = engine.pooled
        self._sql = engine.statements.named("workers", "beat")
        self._connection: psycopg.Connection[Row] | None = None

    def beat(self, worker: str, *, now_ms: int, lease_ms: int) -> bool:
        """Renew a lease; false where it has run out already (it stays run out)."""
        values: Values = {"id": worker, "now": now_ms, "lease_until": now_ms + lease_ms}
        try:
            if self._connection is None:
                self._connection = self._connect()
            with watched_by_thread(self._connection):
                self._connection.execute(begun(self._connection.info.server_version))
                renewed = self._connection.execute(self._sql, values).rowcount == 1
                self._connection.commit()
                return renewed
        except psycopg.Error as error:
            self.close()  # the next beat connects anew
            raise explain(error, self._address.shown) from error

    def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self) -> psycopg.Connection[Row]:
        connection: psycopg.Connection[Row] = psycopg.connect(
            self._address.conninfo, autocommit=True, prepare_threshold=None
        )
        connection.add_notify_handler(let_go)
        if not self._pooled:
            try:
                connection.execute(bounded(connection.info.server_version, local=False))
            except psycopg.Error:
                connection.close()
                raise
        return connection


async def _register(
    transaction: Transaction, worker: WorkerRecord, now_ms: int, lease_ms: int
) -> None:
    values: Values = {
        "id": worker.id,
        "host": worker.host,
        "pid": worker.pid,
        "queues": list(worker.queues),
        "concurrency": worker.concurrency,
        "started_at": worker.started_at_ms,
        "knows": known_schema().number,
        "lease_until": now_ms + lease_ms,
    }
    announced: Values = {"id": worker.id, "tags": list(worker.handlers)}
    await transaction.change("workers", "bury", {"long_ago": now_ms - BURIED_AFTER_MS})
    await transaction.change("workers", "register", values)
    await transaction.change("workers", "announce", announced)
    await transaction.change("workers", "forget")


def _worker_of(row: Row) -> WorkerRecord:
    return WorkerRecord(
        id=row[0],
        host=row[1],
        pid=row[2],
        queues=tuple(row[3]),
        concurrency=row[4],
        started_at_ms=row[5],
        lease_until_ms=row[6],
        handlers=tuple(row[7]),
    )


async def _lost(transaction: Transaction, now_ms: int, limit: int) -> list[Claim]:
    rows = await transaction.rows("runs", "lost", {"now": now_ms, "most": limit})
    return await with_schedules(transaction, [run_of(row) for row in rows])
