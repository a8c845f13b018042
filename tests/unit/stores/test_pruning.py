"""Pruning a file lets others in: large rows go a few at a time."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape.domain.job import Claim, Finished
from ductape.domain.outcome import Success
from ductape.stores.sqlite.connection import Connection
from ductape.stores.sqlite.file.statements import statements
from ductape.stores.sqlite.rows.values import finished_row
from ductape.stores.sqlite.store import SqliteStore, open_sqlite
from ductape.stores.sqlite.upkeep import MOST_BYTES
from tests.builders import NOW_MS, a_run, decide

LARGE = "x" * (MOST_BYTES // 2)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = open_sqlite(str(tmp_path / "a.db"), decide=decide, token="t", inline=True)
    yield opened
    await opened.aclose()


async def filled(store: SqliteStore, results: list[str]) -> None:
    """Put in finished runs, one a millisecond."""
    rows = []
    for at, result in enumerate(results):
        done = decide(Claim(a_run(state="running")), Success(result), NOW_MS + at).to
        assert isinstance(done, Finished)
        rows.append(finished_row(done))
    sql = statements("history")["insert"]
    await store._engine.write(lambda c: c.executemany(sql, rows))


async def left_after_each(store: SqliteStore, *, limit: int) -> list[int]:
    """Prune everything; tell how many runs were left after each batch."""
    left: list[int] = []
    more = True
    while more:
        more = await store.upkeep.prune(
            completed_before_ms=NOW_MS + 99,
            failed_before_ms=NOW_MS,
            now_ms=NOW_MS,
            limit=limit,
        )
        left.append(await store._engine.read(_count))
    return left


def _count(connection: Connection) -> int:
    return connection.execute("SELECT count(*) FROM history").get


async def test_small_runs_go_many_at_a_time(store: SqliteStore) -> None:
    await filled(store, ["x"] * 7)
    assert await left_after_each(store, limit=5) == [2, 0, 0]


async def test_large_runs_go_as_many_as_may_be_freed_at_a_time(store: SqliteStore) -> None:
    await filled(store, [LARGE] * 5)
    assert await left_after_each(store, limit=5) == [3, 1, 0, 0]
