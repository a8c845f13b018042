"""Workers and their leases on SQLite. The heartbeat has a connection of its own (`pulse`)."""

import json

from ductape.domain.job import Claim
from ductape.ports.stores.fleet import Pulse, WorkerRecord
from ductape.stores.sqlite.connection import Cell, Connection, Row
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.statements import known_schema, statements
from ductape.stores.sqlite.rows.values import run_of
from ductape.stores.sqlite.settling import with_schedule

BURIED_AFTER_MS = 86_400_000
"""How long a dead worker is still listed in the table: a day."""


class SqliteFleet:
    """Who works."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def register(self, worker: WorkerRecord, *, now_ms: int, lease_ms: int) -> None:
        """Announce a worker and its handlers."""
        await self._engine.write(lambda c: _register(c, worker, now_ms, lease_ms))

    def pulse(self) -> Pulse:
        """Open a connection for the heartbeat's own thread."""
        return SqlitePulse(self._engine.connection())

    async def leave(self, worker: str) -> None:
        """Take a worker off the list."""
        await self._engine.write(
            lambda c: c.execute(statements("workers")["leave"], {"id": worker}).fetchall()
        )

    async def workers(self, *, now_ms: int) -> list[WorkerRecord]:
        """List the live ones."""
        rows = await self._engine.read(
            lambda c: c.execute(statements("workers")["live"], {"now": now_ms}).fetchall()
        )
        return [_worker_of(row) for row in rows]

    async def known_handlers(self, tags: frozenset[str]) -> frozenset[str]:
        """Tell which of the tags some worker has announced, ever."""
        asked = json.dumps(sorted(tags))
        rows = await self._engine.read(
            lambda c: c.execute(statements("workers")["known"], {"tags": asked}).fetchall()
        )
        return frozenset(row[0] for row in rows)

    async def lost(self, *, now_ms: int, limit: int) -> list[Claim]:
        """List running runs whose worker's lease, or whose own deadline and grace, has passed."""
        return await self._engine.read(lambda c: _lost(c, now_ms, limit))


class SqlitePulse:
    """Renews one worker's lease from whatever thread calls; that thread alone."""

    def __init__(self, connection: Connection) -> None:
        """Own a connection."""
        self._connection = connection

    def beat(self, worker: str, *, now_ms: int, lease_ms: int) -> bool:
        """Renew a lease; false where it has run out already (it stays run out)."""
        values: dict[str, Cell] = {
            "id": worker,
            "now": now_ms,
            "lease_until": now_ms + lease_ms,
        }
        self._connection.execute(statements("workers")["beat"], values)
        return self._connection.changes() == 1

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


def _register(connection: Connection, worker: WorkerRecord, now_ms: int, lease_ms: int) -> None:
    values: dict[str, Cell] = {
        "id": worker.id,
        "host": worker.host,
        "pid": worker.pid,
        "queues": json.dumps(worker.queues),
        "concurrency": worker.concurrency,
        "started_at": worker.started_at_ms,
        "knows": known_schema().number,
        "lease_until": now_ms + lease_ms,
    }
    connection.execute(statements("workers")["bury"], {"long_ago": now_ms - BURIED_AFTER_MS})
    connection.execute(statements("workers")["register"], values)
    for tag in worker.handlers:
        connection.execute(statements("workers")["announce"], {"tag": tag, "worker": worker.id})
    connection.execute(statements("workers")["forget"])


def _worker_of(row: Row) -> WorkerRecord:
    return WorkerRecord(
        id=row[0],
        host=row[1],
        pid=row[2],
        queues=tuple(json.loads(row[3])),
        concurrency=row[4],
        started_at_ms=row[5],
        lease_until_ms=row[6],
        handlers=tuple(sorted(json.loads(row[7]))),
    )


def _lost(connection: Connection, now_ms: int, limit: int) -> list[Claim]:
    rows = connection.execute(statements("runs")["lost"], {"now": now_ms, "most": limit}).fetchall()
    return [with_schedule(connection, run_of(row)) for row in rows]
