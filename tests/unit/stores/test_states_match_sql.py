"""The states of `domain.lifecycle` are those that the tables accept, and the only moves made."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import replace

from ductape.domain.job import Claim
from ductape.domain.lifecycle import (
    TRANSITIONS,
    JobStatus,
    RunOutcome,
    RunState,
    ScheduleState,
    may_move,
)
from ductape.domain.operations import cancel
from ductape.domain.outcome import Cancelled, Interrupted, Lost, Outcome, Success
from ductape.domain.settlement import run_ref, with_cache
from ductape.ports.stores.intake import NewJob
from ductape.ports.stores.memory import Selection
from ductape.ports.stores.reading import JobFilter
from ductape.stores.sqlite.file.statements import migrations
from ductape.stores.sqlite.store import SqliteStore, open_sqlite
from tests.builders import (
    NOW_MS,
    ZONES,
    a_failure,
    a_new_job,
    a_spec,
    a_wish,
    a_worker,
    an_entry,
    decide,
)

SCHEMA = "\n".join(sql for _, _, sql in migrations())


def accepted(table: str, column: str) -> set[str]:
    """Read the values that a column's CHECK accepts."""
    body = SCHEMA.split(f"CREATE TABLE {table} (")[1].split(") WITHOUT ROWID")[0]
    [listed] = re.findall(rf"CHECK \({column} IN \(([^)]*)\)\)", body)
    return set(re.findall(r"'(\w+)'", listed))


@pytest.mark.parametrize(
    ("table", "column", "states"),
    [
        ("runs", "state", get_args(RunState)),
        ("history", "outcome", get_args(RunOutcome)),
        ("schedules", "state", get_args(ScheduleState)),
    ],
)
def test_a_column_accepts_the_states_of_the_domain_and_no_others(
    table: str, column: str, states: tuple[str, ...]
) -> None:
    assert accepted(table, column) == set(states)


def test_every_state_has_its_moves() -> None:
    assert set(TRANSITIONS) == set(get_args(RunState))


def test_every_move_leads_to_a_state_or_an_end() -> None:
    known = {*get_args(RunState), *get_args(RunOutcome)}
    assert {after for moves in TRANSITIONS.values() for after in moves} <= known


def test_every_state_and_every_end_can_be_reached() -> None:
    reached = {"scheduled", "queued"}
    for _ in TRANSITIONS:
        reached |= {
            after for before, moves in TRANSITIONS.items() if before in reached for after in moves
        }
    assert reached == {*get_args(RunState), *get_args(RunOutcome)}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = open_sqlite(str(tmp_path / "a.db"), decide=decide, token="t", inline=True)
    await opened.fleet.register(a_worker(), now_ms=NOW_MS, lease_ms=10_000_000)
    yield opened
    await opened.aclose()


LOG = """
CREATE TEMP TABLE moves (job_id, before, after);
CREATE TEMP TRIGGER moved AFTER UPDATE OF state ON main.runs BEGIN
    INSERT INTO moves VALUES (new.job_id, old.state, new.state);
END;
CREATE TEMP TRIGGER left AFTER DELETE ON main.runs BEGIN
    INSERT INTO moves SELECT old.job_id, old.state, outcome FROM main.history
    WHERE job_id = old.job_id AND number = old.number;
END;
"""
"""Writes down every move of a run; gone with the connection."""

EVERY_MOVE: set[tuple[RunState, RunState | RunOutcome]] = {
    ("scheduled", "queued"),
    ("scheduled", "cancelled"),
    ("queued", "running"),
    ("queued", "cancelled"),
    ("parked", "queued"),
    ("parked", "completed"),
    ("parked", "cancelled"),
    ("running", "scheduled"),
    ("running", "queued"),
    ("running", "parked"),
    ("running", "completed"),
    ("running", "failed"),
    ("running", "cancelled"),
}
"""Those that the store is seen to make below."""


async def claimed(store: SqliteStore, *jobs: NewJob) -> list[Claim]:
    """Store jobs and claim them."""
    await store.intake.add(jobs, now_ms=NOW_MS)
    wish = a_wish(queues=(jobs[0].spec.queue,))
    return (await store.claims.turn(wish, [], now_ms=NOW_MS)).claims


async def settled(store: SqliteStore, claim: Claim, outcome: Outcome) -> None:
    settlement = with_cache(decide(claim, outcome, NOW_MS), an_entry(b"key"))
    assert await store.claims.settle([settlement], now_ms=NOW_MS) == ["recorded"]


async def cancelled(store: SqliteStore, status: JobStatus) -> None:
    """Cancel every waiting job of a status."""
    for one in await store.reading.many(JobFilter(status=status), limit=99, before=None):
        plan = cancel(one, None, run_only=False, now_ms=NOW_MS, zones=ZONES)
        assert plan is not None
        assert await store.claims.settle([plan], now_ms=NOW_MS) == ["recorded"]


async def every_outcome(store: SqliteStore) -> None:
    """End runs in every way, then cancel what went back."""
    outcomes = [Success(1), a_failure(), Cancelled(None), Lost("dead"), Interrupted()]
    for retries in (0, 1):
        jobs = [a_new_job(a_spec(retries=retries)) for _ in outcomes]
        for claim, outcome in zip(await claimed(store, *jobs), outcomes, strict=True):
            await settled(store, claim, outcome)
        await cancelled(store, "queued")
        await cancelled(store, "scheduled")


async def a_crowd_at_the_cache(store: SqliteStore, outcome: Outcome) -> None:
    """Park two runs behind a leader, let it end, then cancel who is left."""
    await store.memory.clear(Selection("orders", "quotes"))
    jobs = [a_new_job(a_spec(queue="crowd")) for _ in range(3)]
    leader, *others = await claimed(store, *jobs)
    for claim in (leader, *others):
        await store.memory.recall(run_ref(claim.run), b"key", now_ms=NOW_MS)
    await settled(store, replace(leader, run=replace(leader.run, cache_key=b"key")), outcome)
    await cancelled(store, "queued")


async def test_the_store_makes_no_move_that_the_domain_does_not_know(store: SqliteStore) -> None:
    log = store._engine._writer
    log.execute(LOG)
    await every_outcome(store)
    await a_crowd_at_the_cache(store, Success(1))
    await a_crowd_at_the_cache(store, a_failure())
    await store.intake.add([a_new_job(due_ms=NOW_MS + 1)], now_ms=NOW_MS)
    await store.claims.turn(a_wish(slots=0), [], now_ms=NOW_MS + 1)
    made = "SELECT DISTINCT before, after FROM moves WHERE after IS NOT NULL"
    seen = {move for move in log.execute(made).fetchall() if move[0] != move[1]}
    assert seen == EVERY_MOVE
    assert all(may_move(before, after) for before, after in seen)
