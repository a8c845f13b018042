"""What SQLite does for many runs of one kind grows with their number, and not with its square."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from ductape.stores.sqlite.connection import Connection
from ductape.stores.sqlite.file.opening import connect
from ductape.stores.sqlite.file.statements import statements
from ductape.stores.sqlite.rows.values import run_row
from ductape.stores.sqlite.turns.claiming import Claiming
from tests.builders import NOW_MS, a_run, a_spec, a_wish

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


def steps_of_looking(path: Path, parked: int) -> int:
    """Look for the deserted among followers whose leader is the last in the index."""
    row = partial(run_row, now_ms=NOW_MS)
    with closing(connect(str(path))) as connection:
        rows = [row(a_run(state="parked", cache_key=b"1", due_ms=NOW_MS)) for _ in range(parked)]
        rows.append(row(a_run(state="running", worker="w1", cache_key=b"1", due_ms=NOW_MS + 1)))
        connection.executemany(statements("runs")["insert"], rows)
        sql = statements("runs")["deserted"]
        return steps_of(connection, lambda: connection.execute(sql).fetchall())


def test_looking_for_deserted_followers_looks_at_each_once(tmp_path: Path) -> None:
    few, many = (steps_of_looking(tmp_path / f"{count}.db", count) for count in (100, 1_000))
    assert many < 15 * few


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
