"""What the doctor makes of facts: sound ones are fine, each other one has its remedy."""

import pytest
from msgspec.structs import replace

from ductape.domain.product.format.document import Retention
from ductape.domain.schema import StoreSchema
from ductape.ports.stores.inspecting import (
    LockHolder,
    PostgresFacts,
    Quarantined,
    SqliteFacts,
    TableFacts,
    Waiting,
)
from ductape.services.doctor import Finding, engines, report, whole, work
from ductape.services.doctor.findings import fault, ok, warning
from ductape.services.doctor.whole import ClockFacts, KeyFacts
from tests.builders import NOW_MS, a_worker

SERVER = PostgresFacts(
    version="18.0",
    read_only=False,
    pooled=False,
    connections=5,
    most_connections=100,
    careless=(),
    tables=(TableFacts("runs", 1 << 20, rows=10, dead_rows=5),),
    holders=(),
)
FILE = SqliteFacts(
    version=(3, 54, 0),
    journal_mode="wal",
    synchronous=2,
    file_system="ext4",
    file_bytes=1 << 20,
    wal_bytes=0,
    unused_bytes=0,
    disk_free_bytes=1 << 40,
)
WAITS = Waiting(
    queue="mail", needs=None, count=3, at_least=False, oldest_due_ms=NOW_MS, example="j1"
)
KEY = KeyFacts("k1", seals=True, in_ring=True, newest_seen=True, fits=True)
WORKER = a_worker(lease_until_ms=NOW_MS + 20_000, handlers=("job:send",))


def states(findings: list[Finding]) -> set[str]:
    return {one["state"] for one in findings}


def amiss(findings: list[Finding]) -> Finding:
    """Return the only finding that is not fine; it says what to do."""
    [one] = [one for one in findings if one["state"] != "ok"]
    assert one["remedy"]
    return one


@pytest.mark.parametrize("facts", [SERVER, FILE])
def test_a_sound_database_is_fine(facts: PostgresFacts | SqliteFacts) -> None:
    assert states(engines.engine(facts, NOW_MS)) == {"ok"}


@pytest.mark.parametrize(
    ("change", "state", "said"),
    [
        ({"read_only": True}, "fault", "only be read"),
        ({"connections": 80}, "warning", "80 of 100 connections"),
        ({"careless": ("fsync = off",)}, "warning", "fsync = off"),
        ({"tables": (TableFacts("runs", 1, rows=1, dead_rows=200_000),)}, "warning", "200,000"),
        (
            {"holders": (LockHolder(7, "ada", "psql", "runs", NOW_MS - 60_000),)},
            "warning",
            "table runs is locked by process 7 of user ada (psql), for 1 min",
        ),
        ({"holders": (LockHolder(7, "ada", "", "runs", None),)}, "warning", "of user ada"),
    ],
)
def test_a_server_with_a_flaw_is_told_of(change: dict[str, object], state: str, said: str) -> None:
    found = amiss(engines.engine(replace(SERVER, **change), NOW_MS))
    assert found["state"] == state
    assert said in found["said"]


@pytest.mark.parametrize(
    ("change", "state", "said"),
    [
        ({"version": (3, 40, 1)}, "fault", "SQLite 3.40.1 is old"),
        ({"journal_mode": "delete"}, "fault", "journal mode delete"),
        ({"synchronous": 1}, "warning", "do not wait for the disk"),
        ({"wal_bytes": 1 << 30}, "warning", "1.0 GiB"),
        ({"disk_free_bytes": 1 << 20}, "warning", "1.0 MiB free"),
        ({"file_bytes": 1 << 31, "unused_bytes": 3 << 29}, "warning", "1.5 GiB of it unused"),
    ],
)
def test_a_file_with_a_flaw_is_told_of(change: dict[str, object], state: str, said: str) -> None:
    found = amiss(engines.engine(replace(FILE, **change), NOW_MS))
    assert found["state"] == state
    assert said in found["said"]


@pytest.mark.parametrize(
    ("found", "state", "fits"),
    [
        (None, "warning", False),
        (StoreSchema(1, 1), "warning", False),
        (StoreSchema(2, 1), "ok", True),
        (StoreSchema(3, 2), "warning", True),
        (StoreSchema(3, 3), "fault", False),
    ],
)
def test_a_schema_is_compared_with_this_release_s(
    found: StoreSchema | None, state: str, *, fits: bool
) -> None:
    assert whole.schema(found, 2)["state"] == state
    assert whole.fits(found, 2) is fits


@pytest.mark.parametrize(
    ("facts", "state", "said"),
    [
        (None, "ok", "this machine's own"),
        (ClockFacts(ahead_ms=3, unsure_ms=8), "ok", "agree within 8 ms"),
        (ClockFacts(ahead_ms=900, unsure_ms=2), "ok", "agree within"),
        (ClockFacts(ahead_ms=5_000, unsure_ms=10), "warning", "4 s ahead of this machine"),
        (ClockFacts(ahead_ms=-3_600_500, unsure_ms=10), "warning", "1 h behind this machine"),
        (ClockFacts(ahead_ms=1_500, unsure_ms=800), "ok", "agree within"),
    ],
)
def test_clocks_that_are_apart_are_told_of(facts: ClockFacts | None, state: str, said: str) -> None:
    found = whole.clock(facts)
    assert found["state"] == state
    assert said in found["said"]


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, "ok"),
        ({"seals": False, "newest_seen": False}, "ok"),
        ({"in_ring": False}, "fault"),
        ({"in_ring": False, "newest_seen": False}, "warning"),
        ({"fits": False}, "fault"),
    ],
)
def test_a_key_that_is_missing_or_another_is_told_of(change: dict[str, object], state: str) -> None:
    found = whole.key(replace(KEY, **change))
    assert (found["state"], found["subject"]) == (state, "k1")


def test_a_worker_is_shown_with_what_it_does_and_how_long_its_lease_is() -> None:
    [found] = work.workers([WORKER], NOW_MS)
    assert found["state"] == "ok"
    assert "job:send; lease ends in 20 s" in found["said"]


@pytest.mark.parametrize("live", [[], [replace(WORKER, concurrency=0)]])
def test_nobody_who_claims_is_a_warning(live: list[object]) -> None:
    assert "no live worker claims" in amiss(list(work.workers(live, NOW_MS)))["said"]


def test_what_waits_a_moment_is_fine() -> None:
    [found] = work.queues([WAITS], [WORKER], set(), NOW_MS)
    assert found["state"] == "ok"
    assert found["details"] == {"waiting": 3, "at_least": False, "oldest_age": 0, "paused": False}


def test_what_waits_long_is_a_warning() -> None:
    late = replace(WAITS, oldest_due_ms=NOW_MS - 120_000)
    found = amiss(work.queues([WAITS, late], [WORKER], set(), NOW_MS))
    assert found["said"] == "6 runs waiting, the oldest for 2 min"


def test_a_figure_that_was_cut_off_says_so() -> None:
    many = replace(WAITS, count=1_000, at_least=True)
    [found] = work.queues([many], [WORKER], set(), NOW_MS)
    assert found["said"] == "at least 1,000 runs waiting, the oldest for 0 ms"


@pytest.mark.parametrize(
    ("worker", "needs", "said"),
    [
        (replace(WORKER, queues=("other",)), None, "no live worker serves the queue"),
        (replace(WORKER, concurrency=0), None, "no live worker serves the queue"),
        (WORKER, "job:pack", "no live worker has job:pack"),
    ],
)
def test_runs_that_no_live_worker_can_take_are_a_fault(
    worker: object, needs: str | None, said: str
) -> None:
    found = amiss(work.queues([replace(WAITS, needs=needs)], [worker], set(), NOW_MS))
    assert (found["state"], found["section"]) == ("fault", "runs")
    assert said in found["said"]
    assert "job j1" in found["said"]


def test_what_waits_in_a_paused_queue_waits_for_its_resumption() -> None:
    found = amiss(work.queues([replace(WAITS, needs="job:x")], [], {"mail"}, NOW_MS))
    assert found["said"].startswith("paused; 3 runs waiting")
    assert "ductape queues resume mail" in (found["remedy"] or "")


def test_runs_whose_handler_is_there_are_fine() -> None:
    found = work.queues([replace(WAITS, needs="job:send")], [WORKER], set(), NOW_MS)
    assert states(found) == {"ok"}


def test_runs_of_dead_workers_are_told_of() -> None:
    assert list(work.lost(0, at_least=False)) == []
    assert "at least 100 runs" in amiss(list(work.lost(100, at_least=True)))["said"]


def test_a_quarantined_recurrence_is_told_of() -> None:
    found = amiss(list(work.recurrences([Quarantined("j1", "ship", "no zone Mars/Base")])))
    assert "no zone Mars/Base" in found["said"]


def test_a_product_whose_runs_are_kept_otherwise_says_so() -> None:
    kept = {"a": Retention(completed=0.5), "b": Retention(failed=7), "c": Retention()}
    found = whole.products(dict.fromkeys("abcd", 2), kept)
    assert [one["said"] for one in found] == [
        "version 2; completed runs are kept 0.5 days",
        "version 2; failed runs are kept 7 days",
        "version 2",
        "version 2",
    ]


def test_products_are_listed_up_to_a_bound() -> None:
    many = whole.products({f"p{at:02}": 1 for at in range(25)})
    assert len(many) == 21
    assert many[-1]["said"] == "and 5 others"
    assert whole.products({})[0]["subject"] == "none"


def test_a_report_is_as_bad_as_its_worst_finding_and_in_order() -> None:
    findings = [
        ok("settings", "a", "x"),
        warning("clock", "b", "x", remedy="y"),
        fault("schema", "c", "x", remedy="y"),
    ]
    whole_report = report("sqlite:///a", findings, reachable=True)
    assert whole_report["state"] == "fault"
    assert [one["section"] for one in whole_report["findings"]] == ["schema", "clock", "settings"]
