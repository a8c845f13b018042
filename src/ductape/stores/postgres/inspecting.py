"""A look at a PostgreSQL server: its settings, its tables, and what waits in them (SPEC 13)."""

from collections.abc import Sequence

from ductape.ports.stores.inspecting import (
    PostgresFacts,
    Quarantined,
    StoreFacts,
    TableFacts,
    Waiting,
)
from ductape.stores.postgres.engine import BY_INDEX, Engine
from ductape.stores.postgres.locks import lock_holders
from ductape.stores.postgres.rows import Row, Values
from ductape.stores.postgres.transaction import Transaction

MOST_RUNS = 1_000
"""How many runs of one queue are looked at."""
MOST_QUEUES = 100
MOST_QUARANTINED = 20


class PostgresInspecting:
    """Where the server itself is looked at."""

    def __init__(self, engine: Engine) -> None:
        """Look through an engine."""
        self._engine = engine

    async def server_now_ms(self) -> int:
        """Return what the server's clock says."""
        now_ms: int = await self._engine.single(lambda t: t.cell("inspecting", "now"))
        return now_ms

    async def facts(self, *, now_ms: int) -> StoreFacts:
        """Look, changing nothing."""
        return await self._engine.read(lambda t: self._facts(t, now_ms))

    async def _facts(self, transaction: Transaction, now_ms: int) -> StoreFacts:
        engine = await _engine_facts(transaction, pooled=self._engine.pooled)
        await transaction.connection.execute(BY_INDEX)
        asked: Values = {"most": MOST_QUARANTINED}
        faulty = await transaction.rows("inspecting", "quarantined", asked)
        paused = await transaction.rows("inspecting", "paused")
        return StoreFacts(
            engine=engine,
            waiting=tuple(await _waiting(transaction, now_ms)),
            paused=frozenset(row[0] for row in paused),
            quarantined=tuple(Quarantined(*row) for row in faulty),
        )


async def _engine_facts(transaction: Transaction, *, pooled: bool) -> PostgresFacts:
    [(version, read_only, connections, most)] = await transaction.rows("inspecting", "server")
    careless = await transaction.rows("inspecting", "careless")
    tables = await transaction.rows("inspecting", "tables")
    return PostgresFacts(
        version=version,
        read_only=read_only,
        pooled=pooled,
        connections=connections,
        most_connections=most,
        careless=tuple(row[0] for row in careless),
        tables=tuple(_table(row) for row in tables),
        holders=tuple(await lock_holders(transaction)),
    )


def _table(row: Row) -> TableFacts:
    name, size, rows, dead = row
    return TableFacts(name.rpartition(".")[2], size, rows, dead)


async def _waiting(transaction: Transaction, now_ms: int) -> list[Waiting]:
    names = [row[0] for row in await transaction.rows("inspecting", "queues")]
    asked: Values = {"queues": names[:MOST_QUEUES], "most": MOST_RUNS}
    overdue: Values = {"now": now_ms, "most": MOST_RUNS}
    due = await transaction.rows("inspecting", "waiting", asked)
    late = await transaction.rows("inspecting", "overdue", overdue)
    in_queue: dict[str, int] = {}
    for queue, _, count, *_ in due:
        in_queue[queue] = in_queue.get(queue, 0) + count
    over = _is_full(late)
    return [
        *(_of(row, at_least=in_queue[row[0]] >= MOST_RUNS) for row in due),
        *(_of(row, at_least=over) for row in late),
    ]


def _is_full(rows: Sequence[Row]) -> bool:
    return sum(row[2] for row in rows) >= MOST_RUNS


def _of(row: Row, *, at_least: bool) -> Waiting:
    queue, needs, count, oldest, example = row
    return Waiting(queue, needs or None, count, at_least, oldest, example)
