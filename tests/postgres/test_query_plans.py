"""How PostgreSQL goes about what every turn does: by the index meant for it, whatever is stored.

Plans are pinned on empty tables, on full ones, and on full ones that were analysed: with much that
is due later and much history, a plan that scans is found out only when it is too late.
"""

import re
from collections.abc import Iterator

import pytest

from tests.postgres.planned import AHEAD, YESTERDAY, Database, a_database
from tests.servers.postgres import PostgresServer

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
    "gates_of": "Index Scan using runs_pkey",
    "leaders": "Index Cond: ((cache_key = asked.key) AND (state = 'running'::text))",
    "lead": "Index Scan using runs_pkey",
    "park": "Index Scan using runs_pkey",
    "parked": "Index Scan using runs_cache",
    "release": "Index Cond: ((cache_key = asked.key) AND (state = 'parked'::text))",
}
"""What each of these plans must have, and no sort."""

NOW_AND_THEN = {
    ("runs", "of_jobs"): "runs_pkey",
    ("runs", "hold"): "Index Scan using runs_pkey",
    ("runs", "delete"): "Index Scan using runs_pkey",
    ("runs", "asked_to_stop"): "runs_held",
    ("runs", "hold_all"): "Index Scan using runs_pkey",
    ("runs", "expired"): "Index Scan using runs_expiring",
    ("runs", "deserted"): "Index Cond: ((cache_key = p.cache_key) AND (state > 'parked'::text))",
    ("cache_entries", "fresh_all"): "Index Scan using cache_entries_pkey",
    ("history", "latest"): "Index Scan Backward using history_completed_20270115_pkey",
    ("history", "newest"): "Index Scan Backward using history_completed_20270115_pkey",
    ("history", "cancelled"): "history_failed_20270115_pkey",
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


@pytest.fixture(scope="module", params=["empty", "full", "analysed"])
def database(request: pytest.FixtureRequest, server: PostgresServer) -> Iterator[Database]:
    with a_database(server, request.param) as made:
        yield made


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


RUNS = re.compile(r"Scan .*on runs\b")


def test_a_page_of_young_jobs_merges_the_young_days(database: Database) -> None:
    plan = database.plan("jobs", "page")
    assert "Merge Append" in plan
    assert len(days_in(plan)) == YOUNG
    assert not SORTS.search(plan)


def test_a_page_of_one_status_looks_only_where_there_can_be_such_jobs(database: Database) -> None:
    running, failed = (database.plan("jobs", "page", status=one) for one in ("running", "failed"))
    # The state of a recurrence is its run's in either.
    assert (len(RUNS.findall(running)), days_in(running)) == (2, set())
    assert len(RUNS.findall(failed)) == 1
    assert days_in(failed)


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
