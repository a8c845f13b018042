"""The write-ahead log stays short, whoever reads."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape.stores.sqlite.connection import Connection, open_connection
from ductape.stores.sqlite.file import log
from ductape.stores.sqlite.store import SqliteStore, open_sqlite
from tests.builders import a_new_job, decide
from tests.conformance.steps import stored

PATIENCE_S = 10


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let little be long, and nobody wait."""
    monkeypatch.setattr(log, "LONG_BYTES", 500_000)
    monkeypatch.setattr(log, "LOOK_EVERY_S", 0)
    monkeypatch.setattr(log, "PATIENCE_MS", 0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = open_sqlite(str(tmp_path / "jobs.db"), decide=decide, token="t")
    yield opened
    await opened.aclose()


def size(folder: Path) -> int:
    return (folder / "jobs.db-wal").stat().st_size


class Reader:
    """Somebody in another process who always reads: the next one before the last has ended."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "jobs.db")
        self._now = self._begun()

    def go_on(self) -> None:
        following = self._begun()
        self._now.close()
        self._now = following

    def close(self) -> None:
        self._now.close()

    def _begun(self) -> Connection:
        connection = open_connection(self._path)
        connection.execute("BEGIN").fetchall()
        connection.execute("SELECT count(*) FROM runs").fetchall()
        return connection


async def test_a_log_that_somebody_always_reads_from_is_begun_anew(
    store: SqliteStore, tmp_path: Path
) -> None:
    reader = Reader(tmp_path)
    for _ in range(40):
        await stored(store, *(a_new_job() for _ in range(20)))
        reader.go_on()
    assert size(tmp_path) > log.LONG_BYTES
    async with asyncio.timeout(PATIENCE_S):
        await store.upkeep.worn()
    assert not await store.upkeep.tidy()  # it reads from before the last commit
    reader.go_on()
    await store.upkeep.tidy()  # all is in the file, but it reads from the log
    reader.go_on()
    assert await store.upkeep.tidy()
    assert size(tmp_path) == 0
    reader.close()


async def test_a_short_log_is_left_alone(store: SqliteStore) -> None:
    waiting = asyncio.create_task(store.upkeep.worn())
    done, _ = await asyncio.wait((waiting,), timeout=0)
    assert not done
    waiting.cancel()
    await asyncio.wait((waiting,))
