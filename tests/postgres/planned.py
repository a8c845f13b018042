"""A schema that holds what a busy store has, and how PostgreSQL goes about a statement there."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import psycopg
from msgspec.structs import replace

from ductape.domain.ids import floor
from ductape.domain.job import Run
from ductape.stores.postgres.rows.values import Cell, run_row
from ductape.stores.postgres.schema.days import (
    DAY_MS,
    Day,
    about,
    ended_since,
    make_days,
    start_of_day,
)
from ductape.stores.postgres.schema.migrating import migrate
from ductape.stores.postgres.server.address import address_of
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.plans import by_index
from ductape.stores.postgres.server.statements import Statements
from tests.builders import NOW_MS, a_run, a_spec
from tests.servers.postgres import PostgresServer

KEPT = 10
"""How many days of history there are before today's."""
AHEAD = 2
YESTERDAY = Day(start_of_day(NOW_MS) - DAY_MS, "completed")
_made = count(1)

VALUES: dict[str, Cell | list[str] | list[int] | list[bytes]] = {
    "now": NOW_MS,
    "slots": 100,
    "queue": ["q1"],
    "rank": [0],
    "flow": ["orders"],
    "needs": [""],
    "due_at": [NOW_MS],
    "queues": None,
    "most": 100,
    "most_queues": 64,
    "flows": ["orders"],
    **{
        f"{look}_{name}": [value]
        for look in ("last", "seen")
        for name, value in (("queue", "q1"), ("rank", 0), ("flow", "orders"), ("needs", ""))
    },
    "share": [9],
    "handlers": ["job:a"],
    "worker": "w1",
    "grace": 1,
    "key": b"1",
    "keys": [b"1"],
    "envs": ["prd"],
    "names": ["a"],
    "job_id": "a",
    "jobs": ["a"],
    "number": 1,
    "fence": 1,
    "lease_until": NOW_MS,
    "until": NOW_MS,
    "id": "w1",
    "failed_before": NOW_MS,
    "earliest_before": NOW_MS,
    "ended_before": NOW_MS,
    "others": ["clicks"],
    "others_before": [NOW_MS],
    "latest_before": NOW_MS,
    "products": ["clicks"],
    "only": True,
    "after": "",
    "after_number": 0,
    "looked_at": 1_000,
    "numbers": [1],
    "fences": [1],
    "ends": [YESTERDAY.starts_ms],
    "ended_from": ended_since(NOW_MS),
    "since": floor(NOW_MS - 1),
    "before": "g",
    "quota": "sends",
    "subject": b"1",
    "owner": "fallback:mail",
    "provider": "p1",
    **dict.fromkeys(
        ("status", "kind", "product", "env", "event", "recurring", "q", "metadata"), None
    ),
    **dict.fromkeys(("session_tag", "session_user_id"), None),
}

_OF_A_PRODUCT: dict[str, str | list[str] | list[int]] = {"product": "orders", "env": "prd"}

OTHERWISE: dict[str, dict[str, str | list[str] | list[int]]] = {
    **dict.fromkeys(("uses", "hold", "get", "holders"), _OF_A_PRODUCT),
    "running_of_queues": {"queues": ["q1"]},
}

OTHERS = {
    "job_keys": "'orders', 'prd', 'k' || n, 'j' || n, 'x', 'ship', false",
    "schedules": "'s' || n, 'active', 1, 'orders', 'prd', 'ship', 'job', 'q', 1, 1, 1, 1, 1, 1, 1,"
    " NULL, NULL, NULL, NULL, NULL, NULL, 'x', 1",
    "steps": "'j' || n, 1, 'p', 1, 'action', 'completed', 1, 0",
    "signals": "'j' || n, 1, 'p', 1, 'x', 1",
    "result_files": "'j' || n, 1, 'p', 'e', 's', 'n', 1, 1, NULL",
    "cache_entries": "('k' || n)::bytea, 'p', 't', 'e', 'k', 'x', 1, n",
    "sessions": "'k' || n, 'p', 'e', 't', 'u', 1, n, false, 1, 1, 'x'",
    "session_users": "'p' || n, 'e', 't', 'u' || n, 1, 1, 1",
    "quota_windows": "'p', 'e', 'q', ('k' || n)::bytea, 'x', n",
    "breakers": "'p', 'e', 'q', 'k' || n, 'open', 1, n, n",
}
"""What is in the other tables that may grow, by the number of the row."""
GROWN = "INSERT INTO {} SELECT {} FROM generate_series(1, 5000) AS n"


@dataclass(frozen=True)
class Database:
    """A schema that holds something, and how to ask about it."""

    kind: str
    cursor: psycopg.ClientCursor
    statements: Statements

    def plan(self, table: str, name: str, **values: str) -> str:
        """Ask PostgreSQL how it would go about a statement; one of a day, about yesterday's."""
        sql = b"EXPLAIN " + about(self.statements, table, name, YESTERDAY)
        return self._answer(sql, {**VALUES, **OTHERWISE.get(name, {}), **values})

    def plan_once(self, table: str, name: str) -> str:
        """Ask the same for whatever values."""
        named: dict[bytes, bytes] = {}

        def numbered(found: re.Match[bytes]) -> bytes:
            return named.setdefault(found[1], b"$%d" % (len(named) + 1))

        sql = about(self.statements, table, name, YESTERDAY)
        sql = re.sub(rb"%\((\w+)\)[sb]", numbered, sql).replace(b"%%", b"%")
        return self._answer(b"EXPLAIN (GENERIC_PLAN) " + sql, None)

    def _answer(self, sql: bytes, values: Mapping[str, object] | None) -> str:
        self.cursor.execute(sql, values)
        return "\n".join(row[0] for row in self.cursor.fetchall())


@contextmanager
def a_database(server: PostgresServer, kind: str) -> Iterator[Database]:
    """Make a schema: `empty`, `full`, or full and `analysed`."""
    # Under xdist the tests of one kind of table may come in two batches.
    schema = f"plans_{kind}_{next(_made)}"
    asyncio.run(with_days(f"{server.url}?schema={schema}"))
    statements = Statements(schema)
    with psycopg.connect(server.url, autocommit=True) as link:
        cursor = psycopg.ClientCursor(link)
        cursor.execute(f"SET search_path = {schema}".encode())
        cursor.execute(by_index(local=False))
        if kind != "empty":
            fill(cursor, statements)
        if kind == "analysed":
            cursor.execute("ANALYZE")
        yield Database(kind, cursor, statements)


async def with_days(url: str) -> None:
    """Make a schema with history of many days."""
    await migrate(url)
    engine = Engine(address_of(url), pooled=False)
    await engine.open()
    since_ms = NOW_MS - KEPT * DAY_MS
    await engine.write(lambda t: make_days(t, since_ms, ahead=KEPT + AHEAD))
    await engine.aclose()


def fill(cursor: psycopg.ClientCursor, statements: Statements) -> None:
    """Put in what a busy store has: much that is due later, a little that waits and runs."""
    later = [a_run(due_ms=NOW_MS + at) for at in range(1, 5_000)]
    waiting = [a_run(a_spec(queue=f"q{at % 5}", priority=at % 3)) for at in range(300)]
    lost = [a_run(losses=1) for _ in range(10)]
    held = [a_run(state="running", worker=f"w{at % 4}", cache_key=b"%d" % at) for at in range(50)]
    parked = [replace(run, state="parked", worker=None) for run in held]
    parked = [replace(run, job_id=a_run().job_id) for run in parked]
    every: list[Run] = [*later, *waiting, *lost, *held, *parked]
    rows = [{**run_row(run, NOW_MS), "product_version": None} for run in every]
    cursor.executemany(statements.named("runs", "insert"), rows)
    cursor.execute("""
        INSERT INTO history
        SELECT job_id, n, CASE n WHEN 3 THEN 'failed' ELSE 'completed' END, true, product, env,
            event, kind, queue, extra, false, scheduled_at, 1, due_at - n * 2 * 86400000::bigint,
            0, NULL, NULL, NULL, NULL, spec, 'x', NULL, NULL, NULL
        FROM runs, unnest(ARRAY[0, 1, 2, 3, 4, 20]) AS n
    """)
    for table, columns in OTHERS.items():
        cursor.execute(GROWN.format(table, columns).encode())
