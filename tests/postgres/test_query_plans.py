"""How PostgreSQL goes about what every turn does: by the index meant for it, whatever is stored.

Plans are pinned on empty tables, on full ones, and on full ones that were analysed: with much that
is due later and much history, a plan that scans is found out only when it is too late.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count

import psycopg
import pytest
from msgspec.structs import replace

from ductape.domain.ids import floor
from ductape.domain.job import Run
from ductape.stores.postgres.address import address_of
from ductape.stores.postgres.days import DAY_MS, Day, about, ended_since, make_days, start_of_day
from ductape.stores.postgres.engine import Engine
from ductape.stores.postgres.migrating import migrate
from ductape.stores.postgres.plans import by_index
from ductape.stores.postgres.rows import Cell, run_row
from ductape.stores.postgres.statements import Statements
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

EVERY_TURN = {
    "promote": "Index Scan using runs_later",
    "next_due": "Index Only Scan using runs_later",
    "heads": "Index Scan using runs_claim",
    "claim": "Index Scan using runs_claim",
    "claim_as_seen": "Index Scan using runs_claim",
    "waits": "Index Only Scan using runs_claim",
    "claim_lone": "One-Time Filter",
    "suspects": "Index Scan using runs_suspect",
    "claim_suspect": "Index Scan using",
    "in_gates": "using runs_gate",
    "unblock": "Index Scan using runs_blocked",
    "open_gates": "using runs_blocked",
}
"""What each of these plans must have, and no sort."""

NOW_AND_THEN = {
    ("runs", "of_jobs"): "runs_pkey",
    ("runs", "hold"): "Index Scan using runs_pkey",
    ("runs", "delete"): "Index Scan using runs_pkey",
    ("runs", "asked_to_stop"): "runs_held",
    ("runs", "same_running"): "runs_cache",
    ("runs", "expired"): "Index Scan using runs_expiring",
    ("runs", "parked"): "runs_cache",
    ("runs", "release_one"): "runs_cache",
    ("history", "latest"): "Index Scan Backward using history_completed_20270115_pkey",
    ("history", "newest"): "Index Scan Backward using history_completed_20270115_pkey",
    ("history", "one"): "Index Scan using history_completed_20270115_pkey",
    ("history", "supersede"): "Index Scan using history_completed_20270115_pkey",
    ("history", "prune"): "history_completed_rest_product",
    ("history_swept", "look"): "Index Scan using history_completed_20270114_pkey",
    ("history_swept", "delete"): "Index Scan using history_completed_20270114_pkey",
    ("jobs", "page"): "Index Scan Backward using history_completed_20270115_pkey",
    ("quota_windows", "uses"): "Index Scan using quota_windows_pkey",
    ("quota_windows", "hold"): "Index Scan using quota_windows_pkey",
    ("quota_windows", "prune"): "Index Scan using quota_windows_age",
    ("breakers", "get"): "Index Scan using breakers_pkey",
    ("breakers", "prune"): "Index Scan using breakers_age",
    ("sessions", "prune"): "Index Scan using sessions_age",
    ("result_files", "due"): "Index Scan using result_files_due",
    ("result_files", "let_go"): "Index Scan using result_files_pkey",
    ("job_keys", "holders"): "Index Scan using job_keys_pkey",
    ("inspecting", "groups"): "runs_claim",
    ("inspecting", "suspects"): "runs_suspect",
    ("inspecting", "overdue"): "Index Scan using runs_later",
    ("inspecting", "quarantined"): "schedules_faulty",
}
"""What each of these must have where there is something to scan."""

YOUNG = 2 * (1 + AHEAD + 1)
"""Where what is made now may be: today's partitions, those ahead and the rest, two of each."""
SORTS = re.compile(r"-> +(Incremental )?Sort ")


@dataclass(frozen=True)
class Database:
    """A schema that holds something, and how to ask about it."""

    kind: str
    cursor: psycopg.ClientCursor
    statements: Statements

    def plan(self, table: str, name: str) -> str:
        """Ask PostgreSQL how it would go about a statement; one of a day, about yesterday's."""
        sql = b"EXPLAIN " + about(self.statements, table, name, YESTERDAY)
        return self._answer(sql, {**VALUES, **OTHERWISE.get(name, {})})

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


@pytest.fixture(scope="module", params=["empty", "full", "analysed"])
def database(request: pytest.FixtureRequest, server: PostgresServer) -> Iterator[Database]:
    # Under xdist the tests of one kind of table may come in two batches.
    schema = f"plans_{request.param}_{next(_made)}"
    asyncio.run(with_days(f"{server.url}?schema={schema}"))
    statements = Statements(schema)
    with psycopg.connect(server.url, autocommit=True) as link:
        cursor = psycopg.ClientCursor(link)
        cursor.execute(f"SET search_path = {schema}".encode())
        cursor.execute(by_index(local=False))
        if request.param != "empty":
            fill(cursor, statements)
        if request.param == "analysed":
            cursor.execute("ANALYZE")
        yield Database(request.param, cursor, statements)


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
        FROM runs, generate_series(0, 4) AS n
    """)


@pytest.mark.parametrize("name", EVERY_TURN)
def test_what_every_turn_does_goes_by_its_index_and_sorts_nothing(
    database: Database, name: str
) -> None:
    for plan in (database.plan("runs", name), database.plan_once("runs", name)):
        assert EVERY_TURN[name] in plan
        assert "Seq Scan on runs" not in plan
        assert "Sort" not in plan


@pytest.mark.parametrize("database", ["full", "analysed"], indirect=True)
@pytest.mark.parametrize(("table", "name"), NOW_AND_THEN)
def test_what_is_done_now_and_then_goes_by_its_index(
    database: Database, table: str, name: str
) -> None:
    for plan in (database.plan(table, name), database.plan_once(table, name)):
        assert NOW_AND_THEN[table, name] in plan
        assert "Seq Scan on runs" not in plan
        assert "Seq Scan on history" not in plan


@pytest.mark.parametrize("name", ["latest", "newest", "one", "supersede"])
def test_of_history_only_the_days_since_a_job_was_made_are_looked_at(
    database: Database, name: str
) -> None:
    assert len(days_in(database.plan("history", name))) == YOUNG


def test_a_page_of_young_jobs_merges_the_young_days(database: Database) -> None:
    plan = database.plan("jobs", "page")
    assert "Merge Append" in plan
    assert len(days_in(plan)) == YOUNG
    assert not SORTS.search(plan)


def test_what_is_pruned_row_by_row_is_looked_for_in_the_rest_alone(database: Database) -> None:
    assert days_in(database.plan("history", "prune")) == {"history_completed_rest"}


@pytest.mark.parametrize("name", ["look", "delete"])
def test_a_day_is_gone_through_in_the_order_of_its_key_and_no_other_is(
    database: Database, name: str
) -> None:
    plan = database.plan("history_swept", name)
    assert days_in(plan) - {"history_completed"} == {YESTERDAY.name}
    assert "Seq Scan" not in plan
    assert name == "delete" or not SORTS.search(plan)


def days_in(plan: str) -> set[str]:
    """Name the partitions that a plan looks at."""
    return set(re.findall(r"on (history_\w+)", plan))
