"""How SQLite goes about every statement: by the index meant for it, whatever the tables hold.

Plans are pinned on empty tables, on full ones, and on full ones that were analysed: SQLite chooses
by what it knows of them, and a plan that scans is found out only when it is too late.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, cast

import apsw
import pytest
from msgspec.structs import replace

from ductape.domain.job import Claim, Finished
from ductape.domain.outcome import Success
from ductape.stores.sqlite.connection import Bindings, Cell, Connection
from ductape.stores.sqlite.file.opening import connect
from ductape.stores.sqlite.file.statements import statements
from ductape.stores.sqlite.rows.values import finished_row, run_row, schedule_row
from tests.builders import NOW_MS, a_run, a_schedule, a_spec, decide

TABLES = (
    "runs",
    "history",
    "schedules",
    "jobs",
    "job_keys",
    "workers",
    "cache_entries",
    "quota_windows",
    "breakers",
    "products",
    "queues",
    "sessions",
    "secrets",
    "steps",
    "signals",
    "result_files",
    "inspecting",
)

READ_WHOLE = ("checking", "copying")
"""What an administrator asks for, knowing that it looks at every row that lives."""

PINNED = {
    ("runs", "promote"): "SEARCH runs USING COVERING INDEX runs_later (due_at<?)",
    ("runs", "next_due"): "SCAN runs USING COVERING INDEX runs_later",
    ("runs", "queues"): "SEARCH runs USING COVERING INDEX runs_claim (queue>?)",
    ("runs", "claim"): (
        "SEARCH runs USING COVERING INDEX runs_claim (queue=? AND rank=? AND flow=? AND needs=?)"
    ),
    ("runs", "first_head"): "SEARCH runs USING INDEX runs_claim (queue=?)",
    ("runs", "next_head"): (
        "SEARCH runs USING INDEX runs_claim (queue=? AND rank=? AND flow=? AND needs>?)"
    ),
    ("runs", "suspects"): "SEARCH runs USING INDEX runs_suspect (queue=?)",
    ("runs", "claim_suspect"): "SEARCH runs USING PRIMARY KEY (job_id=? AND number=?)",
    ("runs", "in_gate"): "SEARCH runs USING COVERING INDEX runs_gate (flow=?",
    ("runs", "first_blocked"): "SEARCH runs USING INDEX runs_blocked (flow=?)",
    ("runs", "unblock"): "SEARCH runs USING COVERING INDEX runs_blocked (flow=?)",
    ("runs", "open_gates"): "SEARCH runs USING COVERING INDEX runs_blocked (flow>?)",
    ("runs", "delete"): "SEARCH runs USING PRIMARY KEY (job_id=? AND number=?)",
    ("runs", "give_back"): "SEARCH runs USING PRIMARY KEY (job_id=? AND number=?)",
    ("runs", "asked_to_stop"): "SEARCH runs USING INDEX runs_held (worker=?)",
    ("runs", "lost"): "SCAN runs USING INDEX runs_held",
    ("runs", "expired"): "SEARCH runs USING INDEX runs_expiring (expires_at>? AND expires_at<?)",
    (
        "runs",
        "same_running",
    ): "SEARCH runs USING COVERING INDEX runs_cache (cache_key=? AND state=?)",
    ("runs", "parked"): "SEARCH runs USING INDEX runs_cache (cache_key=? AND state=?)",
    (
        "runs",
        "release_one",
    ): "SEARCH runs USING COVERING INDEX runs_cache (cache_key=? AND state=?)",
    ("runs", "deserted"): "SEARCH runs USING COVERING INDEX runs_cache (cache_key>?)",
    ("history", "latest"): "SEARCH history USING PRIMARY KEY (job_id=?)",
    ("history", "newest"): "SEARCH history USING PRIMARY KEY (job_id=?)",
    ("history", "old"): (
        "SEARCH history USING INDEX history_age (outcome=? AND product=? AND completed_at<?)"
    ),
    ("history", "oldest"): (
        "SEARCH history USING COVERING INDEX history_age (outcome=? AND product>?)"
    ),
    ("schedules", "twin"): "SEARCH schedules USING INDEX schedules_twin (twin=?)",
    ("schedules", "orphans"): "SCAN s USING INDEX schedules_live",
    ("schedules", "prune"): "SEARCH s USING INDEX schedules_ended (updated_at<?)",
    ("jobs", "page"): "SEARCH history USING PRIMARY KEY (job_id>? AND job_id<?)",
    ("job_keys", "free"): "SEARCH job_keys USING INDEX job_keys_job (job_id=?)",
    ("workers", "beat"): "SEARCH workers USING PRIMARY KEY (id=?)",
    ("cache_entries", "fresh"): "SEARCH cache_entries USING PRIMARY KEY (key=?)",
    ("cache_entries", "prune"): "SEARCH cache_entries USING COVERING INDEX cache_entries_age",
    ("quota_windows", "uses"): (
        "SEARCH quota_windows USING PRIMARY KEY (product=? AND env=? AND quota=? AND subject=?)"
    ),
    ("quota_windows", "prune"): "SEARCH quota_windows USING COVERING INDEX quota_windows_age",
    ("breakers", "get"): (
        "SEARCH breakers USING PRIMARY KEY (product=? AND env=? AND owner=? AND provider=?)"
    ),
    ("breakers", "prune"): "SEARCH breakers USING COVERING INDEX breakers_age",
    ("inspecting", "next_head"): "SEARCH runs USING COVERING INDEX runs_claim (queue=? AND rank>?)",
    ("inspecting", "group"): "SEARCH runs USING COVERING INDEX runs_claim (queue=? AND rank=?",
    ("inspecting", "suspect"): "SEARCH runs USING INDEX runs_suspect (queue=?)",
    ("inspecting", "overdue"): "SEARCH runs USING INDEX runs_later (due_at<?)",
    ("inspecting", "quarantined"): "SCAN schedules USING INDEX schedules_faulty",
    ("runs", "live"): "SEARCH runs USING PRIMARY KEY (job_id=?)",
    ("steps", "of_run"): "SEARCH steps USING PRIMARY KEY (job_id=? AND number=?)",
    ("signals", "first"): "SEARCH signals USING PRIMARY KEY (job_id=? AND number=? AND name=?)",
    ("signals", "heard"): "SEARCH s USING PRIMARY KEY (job_id=? AND number=? AND name=?)",
    ("sessions", "prune"): "SEARCH s USING INDEX sessions_age (expires_at<?)",
    ("result_files", "due"): "SEARCH result_files USING INDEX result_files_due (due_at<?)",
    ("result_files", "let_go"): ("SEARCH result_files USING PRIMARY KEY (job_id=? AND number=?)"),
    ("products", "version"): "SEARCH products USING PRIMARY KEY (tag=?)",
}
"""One line that each of these plans must have."""

SCANS_A_SMALL_INDEX = re.compile(
    r"^SCAN (runs USING (COVERING )?INDEX runs_(later|held|suspect)"
    r"|s USING INDEX schedules_live|schedules USING INDEX schedules_faulty)$"
)
"""Partial indexes that hold only what the statement wants; each has a LIMIT or few rows."""

SMALL_TABLES = re.compile(
    r"^SCAN (workers|handlers|products|queues|key_checks|waiting|want|has|json_each|looked_at|e"
    r"|2 CONSTANT ROWS|CONSTANT)\b"
)
"""Tables of a handful of rows, and what a statement is given."""

COUNTS_ALL = {("runs", "counts")}
"""What a person asks for now and then, on a connection that holds up no writer."""


def plan(connection: Connection, sql: str) -> list[str]:
    """Ask SQLite how it would go about a statement."""
    sql, blank = executable(sql, None)
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", blank)]


def executable(sql: str, value: Cell) -> tuple[str, Bindings]:
    """Return a statement with one row wherever it takes several, and the value for all of it."""
    sql = re.sub(r"\{rows of (\d+)\}", lambda row: f"({', '.join('?' * int(row[1]))})", sql)
    named: dict[str, Cell] = dict.fromkeys(re.findall(r":(\w+)", sql), value)
    return sql, named or [value] * sql.count("?")


def fill(connection: Connection) -> None:
    """Put in what a busy store has: much that is due later, much history, a little under way."""
    row = partial(run_row, now_ms=NOW_MS)
    later = [row(a_run(due_ms=NOW_MS + at)) for at in range(1, 2_000)]
    waiting = [row(a_run(a_spec(queue=f"q{at % 5}", priority=at % 3))) for at in range(300)]
    lost = [row(a_run(losses=1)) for _ in range(10)]
    held = [
        row(a_run(state="running", worker=f"w{at % 4}", started_at_ms=NOW_MS, cache_key=b"%d" % at))
        for at in range(50)
    ]
    parked = [row(a_run(state="parked", cache_key=b"%d" % (at % 9))) for at in range(50)]
    every = [*later, *waiting, *lost, *held, *parked]
    connection.executemany(statements("runs")["insert"], every)
    connection.executemany(
        statements("history")["insert"], [an_end(NOW_MS + at) for at in range(3_000)]
    )
    recurring = [
        {**schedule_row(replace(a_schedule(), state=state), NOW_MS), "twin": None}
        for state in ("active", "completed", "paused", "cancelled") * 50
    ]
    connection.executemany(statements("schedules")["insert"], recurring)


def an_end(at_ms: int) -> dict[str, Cell]:
    """Make a row of history."""
    done = decide(Claim(a_run(state="running")), Success(1), at_ms).to
    assert isinstance(done, Finished)
    return finished_row(done)


@pytest.fixture(scope="module", params=["empty", "full", "analysed"])
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    path: Path = tmp_path_factory.mktemp("plans") / "a.db"
    with closing(connect(str(path))) as connection:
        if request.param != "empty":
            connection.execute("BEGIN")
            fill(connection)
            connection.execute("COMMIT")
        if request.param == "analysed":
            connection.execute("ANALYZE")
        yield connection


@pytest.mark.parametrize(
    ("table", "name"),
    [
        (table, name)
        for table in TABLES
        for name in statements(table)
        if (table, name) not in COUNTS_ALL
    ],
)
def test_a_statement_scans_no_table_that_grows(database: Connection, table: str, name: str) -> None:
    lines = plan(database, statements(table)[name])
    scans = [line for line in lines if line.startswith("SCAN")]
    grown = [
        line
        for line in scans
        if not SCANS_A_SMALL_INDEX.match(line) and not SMALL_TABLES.match(line)
    ]
    assert grown == []


@pytest.mark.parametrize(("table", "name"), PINNED)
def test_a_statement_goes_by_the_index_meant_for_it(
    database: Connection, table: str, name: str
) -> None:
    lines = plan(database, statements(table)[name])
    assert any(line.startswith(PINNED[table, name]) for line in lines), lines


@pytest.mark.parametrize(
    "name", ["claim", "first_head", "next_head", "suspects", "promote", "next_due"]
)
def test_what_every_turn_does_sorts_nothing(database: Connection, name: str) -> None:
    lines = plan(database, statements("runs")[name])
    assert not [line for line in lines if "TEMP B-TREE" in line]


def test_a_page_of_jobs_merges_three_indexes_and_sorts_nothing(database: Connection) -> None:
    lines = plan(database, statements("jobs")["page"])
    assert lines.count("MERGE (UNION ALL)") == 2
    assert not [line for line in lines if "TEMP B-TREE" in line]


def test_every_file_of_statements_is_planned() -> None:
    files = (resources.files("ductape.stores.sqlite") / "sql").iterdir()
    assert {file.name for file in files} == {f"{table}.sql" for table in (*TABLES, *READ_WHOLE)}


@pytest.mark.parametrize(
    ("table", "name"),
    [
        (table, name)
        for table in TABLES
        for name, sql in statements(table).items()
        if not re.search(r"^(INSERT|REPLACE)", sql, re.MULTILINE)  # which ask for values that fit
    ],
)
def test_a_statement_is_planned_once_whatever_is_bound(
    database: Connection, table: str, name: str
) -> None:
    sql, ones = executable(statements(table)[name], 1)
    planned_anew: list[int] = []

    def note(executed: dict[str, Any]) -> None:
        planned_anew.append(executed["stmt_status"]["SQLITE_STMTSTATUS_REPREPARE"])

    traced = cast("apsw.Connection", database)
    database.execute("BEGIN")
    traced.trace_v2(apsw.SQLITE_TRACE_PROFILE, note)
    try:
        for _ in range(3):
            database.execute(sql, ones).fetchall()
    finally:
        traced.trace_v2(0)
        database.execute("ROLLBACK")
    assert len(planned_anew) >= 3
    assert sum(planned_anew) == 0
