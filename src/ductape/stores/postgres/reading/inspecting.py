"""A look at a PostgreSQL server: its settings, its tables, and what waits in them (SPEC 13)."""

from collections.abc import Sequence

from ductape.ports.stores.inspecting import (
    PostgresFacts,
    Quarantined,
    StoreFacts,
    TableFacts,
    Waiting,
    joined,
)
from ductape.stores.postgres.rows.values import Row, Values
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.locks import lock_holders
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.turns.rounds import EVERY_QUEUE, Groups

MOST_RUNS = 1_000
"""How many runs of one group are counted."""
MOST_GROUPS = 100
"""How many groups of one queue: runs of the same priority, flow and handler."""
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
        await transaction.change("inspecting", "by_index")
        asked: Values = {"most": MOST_QUARANTINED}
        faulty = await transaction.rows("inspecting", "quarantined", asked)
        paused = await transaction.rows("inspecting", "paused")
        return StoreFacts(
            engine=engine,
            waiting=joined(await _waiting(transaction, now_ms)),
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
    bounds: Values = {"now": now_ms, "most": MOST_RUNS}
    rows = [
        *await _groups(transaction),
        *await transaction.rows("inspecting", "suspects", bounds),
        *await transaction.rows("inspecting", "overdue", bounds),
    ]
    return [_of(row) for row in rows]


async def _groups(transaction: Transaction) -> Sequence[Row]:
    """Go from group to group of each queue: of each, its first run is the oldest."""
    from_the_first: Values = {**Groups(most=EVERY_QUEUE).values(), "most": MOST_GROUPS}
    heads = await transaction.rows("runs", "heads", from_the_first)
    queue, rank, flow, needs, due_at = ([head[at] for head in heads] for at in range(5))
    asked: Values = {
        "queue": queue,
        "rank": rank,
        "flow": flow,
        "needs": needs,
        "due_at": due_at,
        "most": MOST_RUNS,
    }
    return await transaction.rows("inspecting", "groups", asked)


def _of(row: Row) -> Waiting:
    queue, needs, count, oldest_ms, example = row
    return Waiting(queue, needs or None, count, count >= MOST_RUNS, oldest_ms, example)
