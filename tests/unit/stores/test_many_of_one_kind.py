"""What SQLite does for many runs of one kind grows with their number, and not with its square."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import cast

from ductape.domain.job import Claim, Finished
from ductape.domain.lifecycle import JobStatus
from ductape.domain.outcome import Success
from ductape.ports.stores.reading import JobFilter
from ductape.stores.sqlite.connection import Connection
from ductape.stores.sqlite.file.opening import connect
from ductape.stores.sqlite.file.statements import statements
from ductape.stores.sqlite.reading.jobs import filter_values
from ductape.stores.sqlite.rows.values import finished_row, run_row
from ductape.stores.sqlite.turns.claiming import Claiming
from tests.builders import NOW_MS, a_run, a_spec, a_wish, decide

EVERY_STEPS = 100


def steps_of(connection: Connection, act: Callable[[], object]) -> int:
    """Count what SQLite's machine does, in hundreds of steps."""
    counted = 0

    def count() -> bool:
        nonlocal counted
        counted += 1
        return False

    connection.set_progress_handler(count, EVERY_STEPS)
    act()
    connection.set_progress_handler(None)
    return counted


def steps_of_looking(path: Path, name: str, parked: int) -> int:
    """Look at followers whose leader is due after them."""
    row = partial(run_row, now_ms=NOW_MS)
    with closing(connect(str(path))) as connection:
        rows = [row(a_run(state="parked", cache_key=b"1", due_ms=NOW_MS)) for _ in range(parked)]
        rows.append(row(a_run(state="running", worker="w1", cache_key=b"1", due_ms=NOW_MS + 1)))
        connection.executemany(statements("runs")["insert"], rows)
        sql, asked = statements("runs")[name], {"key": b"1", "job_id": "", "number": 1}
        return steps_of(connection, lambda: connection.execute(sql, asked).fetchall())


def test_looking_for_deserted_followers_looks_at_each_once(tmp_path: Path) -> None:
    few, many = (
        steps_of_looking(tmp_path / f"{count}.db", "deserted", count) for count in (100, 1_000)
    )
    assert many < 15 * few


def test_a_leader_is_found_however_many_are_parked_behind_it(tmp_path: Path) -> None:
    assert steps_of_looking(tmp_path / "a.db", "same_running", 1_000) < 10


def steps_of_claiming(path: Path, queues: int) -> int:
    """Claim ten runs of so many queues."""
    with closing(connect(str(path))) as connection:
        runs = (a_run(a_spec(queue=f"q{at:04d}"), state="queued") for at in range(queues))
        rows = [run_row(run, now_ms=NOW_MS) for run in runs]
        connection.executemany(statements("runs")["insert"], rows)
        wish = a_wish(slots=10)
        claiming = Claiming()
        return steps_of(connection, lambda: claiming.claim(connection, wish, {}, NOW_MS))


def test_claiming_looks_at_some_of_many_queues(tmp_path: Path) -> None:
    few, many = (steps_of_claiming(tmp_path / f"{count}.db", count) for count in (100, 2_000))
    assert many < 2 * few


def steps_of_a_page(path: Path, status: str, *, ended: int, waiting: int) -> int:
    """List the jobs of a status beside such as can have another only."""
    with closing(connect(str(path))) as connection:
        runs = (run_row(a_run(), now_ms=NOW_MS) for _ in range(waiting))
        connection.executemany(statements("runs")["insert"], runs)
        ends = (decide(Claim(a_run(state="running")), Success(1), NOW_MS).to for _ in range(ended))
        rows = [finished_row(end) for end in ends if isinstance(end, Finished)]
        connection.executemany(statements("history")["insert"], rows)
        reading = JobFilter(status=cast("JobStatus", status))
        values = filter_values(reading, limit=50, before=None)
        sql = statements("jobs")["page"]
        return steps_of(connection, lambda: connection.execute(sql, values).fetchall())


def test_what_runs_is_listed_without_a_look_at_what_has_ended(tmp_path: Path) -> None:
    assert steps_of_a_page(tmp_path / "a.db", "running", ended=2_000, waiting=0) < 10


def test_what_failed_is_listed_without_a_look_at_what_waits(tmp_path: Path) -> None:
    assert steps_of_a_page(tmp_path / "a.db", "failed", ended=0, waiting=2_000) < 10
