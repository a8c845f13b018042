"""Work for an idle worker of the same process is stored and claimed by one commit."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape import Ductape, Handlers
from ductape.errors import StoreError
from ductape.ports.stores.claims import Turn
from ductape.ports.stores.intake import Added
from ductape.stores.sqlite.connection import Connection
from ductape.stores.sqlite.file.engine import QUICK_S
from ductape.stores.sqlite.store import SqliteStore, open_sqlite
from tests.builders import NOW_MS, a_new_job, a_wish, a_worker, decide

PATIENCE_S = 20
JOB = {"product_tag": "shop", "env": "dev", "event": "noop", "input": {}, "start_at": 0}


class Commits:
    """Counts what the store's writer commits."""

    def __init__(self, store: object) -> None:
        assert isinstance(store, SqliteStore)
        self.count = 0
        store._engine._writer.set_commit_hook(self._count)  # pyright: ignore[reportAttributeAccessIssue]

    def _count(self) -> bool:
        self.count += 1
        return False


class Standby:
    """An idle worker, in as much as the store sees of it."""

    def __init__(self, store: SqliteStore, *, asks: bool = True) -> None:
        self._store = store
        self._asks = asks
        self.asked: list[asyncio.Task[Turn]] = []
        self.leave = store.wake.expect(self._ask)

    def _ask(self) -> bool:
        if self._asks:
            turn = self._store.claims.turn(a_wish(), [], now_ms=NOW_MS)
            self.asked.append(asyncio.ensure_future(turn))
        return self._asks


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = open_sqlite(str(tmp_path / "a.db"), decide=decide, token="one")
    await made.fleet.register(a_worker(), now_ms=NOW_MS, lease_ms=30_000)
    yield made
    await made.aclose()


async def test_whoever_asks_along_gets_the_job_out_of_the_same_commit(store: SqliteStore) -> None:
    standby, commits = Standby(store), Commits(store)
    job = a_new_job()
    await store.intake.add([job], now_ms=NOW_MS)
    [turn] = await asyncio.gather(*standby.asked)
    assert [claim.run.job_id for claim in turn.claims] == [job.job_id]
    assert commits.count == 1


async def test_a_job_that_was_claimed_at_once_needs_no_word_to_others(store: SqliteStore) -> None:
    standby = Standby(store)
    store._engine._commit_s = 0.0
    [added] = await store.intake.add([a_new_job()], now_ms=NOW_MS)
    [turn] = await asyncio.gather(*standby.asked)
    assert (added.begun, len(turn.claims)) == (True, 1)


async def test_on_a_slow_disk_it_is_one_commit_as_well(store: SqliteStore) -> None:
    standby, commits = Standby(store), Commits(store)
    store._engine._commit_s = 10 * QUICK_S
    job = a_new_job()
    [added] = await store.intake.add([job], now_ms=NOW_MS)
    [turn] = await asyncio.gather(*standby.asked)
    assert added == Added("added", job.job_id)
    assert [claim.run.job_id for claim in turn.claims] == [job.job_id]
    assert commits.count == 1


async def test_a_turn_that_fails_leaves_the_job_to_itself(store: SqliteStore) -> None:
    standby = Standby(store)
    await store._engine.write(lambda c: c.execute("ALTER TABLE workers RENAME TO gone"))
    store._engine._commit_s = 0.0
    job = a_new_job()
    assert await store.intake.add([job], now_ms=NOW_MS) == [Added("added", job.job_id)]
    [failed] = await asyncio.gather(*standby.asked, return_exceptions=True)
    assert isinstance(failed, StoreError)
    assert await store.reading.get(job.job_id) is not None


async def test_jobs_that_arrive_together_are_announced_once(store: SqliteStore) -> None:
    standby = Standby(store)
    jobs = [a_new_job() for _ in range(5)]
    await asyncio.gather(*(store.intake.add([job], now_ms=NOW_MS) for job in jobs))
    [turn] = await asyncio.gather(*standby.asked)
    assert {claim.run.job_id for claim in turn.claims} == {job.job_id for job in jobs}


async def test_nobody_is_asked_about_what_is_due_later(store: SqliteStore) -> None:
    standby = Standby(store)
    await store.intake.add([a_new_job(due_ms=NOW_MS + 60_000)], now_ms=NOW_MS)
    assert standby.asked == []


async def test_where_nobody_wants_it_a_lone_job_is_stored_as_ever(store: SqliteStore) -> None:
    standby, commits = Standby(store, asks=False), Commits(store)
    await store.intake.add([a_new_job()], now_ms=NOW_MS)
    assert commits.count == 1
    assert standby.asked == []


async def test_who_comes_first_and_leaves_again_takes_nobody_along(store: SqliteStore) -> None:
    jobs = [a_new_job() for _ in range(3)]
    adding = [asyncio.ensure_future(store.intake.add([job], now_ms=NOW_MS)) for job in jobs]
    await asyncio.sleep(0)
    adding[0].cancel()
    first, *others = await asyncio.gather(*adding, return_exceptions=True)
    assert isinstance(first, asyncio.CancelledError)
    assert others == [[Added("added", job.job_id)] for job in jobs[1:]]
    assert [await store.reading.get(job.job_id) is None for job in jobs] == [True, False, False]


async def test_a_lone_caller_who_leaves_again_leaves_no_job(store: SqliteStore) -> None:
    job = a_new_job()
    adding = asyncio.ensure_future(store.intake.add([job], now_ms=NOW_MS))
    await asyncio.sleep(0)
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    assert await store.reading.get(job.job_id) is None
    await store.intake.add([a_new_job()], now_ms=NOW_MS)


async def test_who_has_left_is_not_asked(store: SqliteStore) -> None:
    standby = Standby(store)
    standby.leave()
    await store.intake.add([a_new_job()], now_ms=NOW_MS)
    assert standby.asked == []


async def test_a_dispatch_to_an_idle_worker_is_stored_and_claimed_by_one_commit(
    tmp_path: Path,
) -> None:
    handlers = Handlers()

    @handlers.job("noop")
    async def noop(_: dict[str, object]) -> None:
        return

    url = f"sqlite:///{tmp_path / 'a.db'}"
    async with Ductape.open(url, handlers=handlers, worker=True) as ductape:
        await ductape.products.apply({"tag": "shop", "envs": [{"slug": "dev"}]})
        commits = Commits(ductape.core.store)
        await _note_commits_of_runs(ductape.core.store, commits)
        async with asyncio.timeout(PATIENCE_S):
            # One that comes while the worker is busy with itself is claimed by its next turn.
            while await _stored_and_claimed(ductape) != 1:
                continue


async def _note_commits_of_runs(store: object, commits: Commits) -> None:
    """Have the store note in which commit runs are stored and in which they are claimed."""
    assert isinstance(store, SqliteStore)

    def note(writer: Connection) -> None:
        writer.create_scalar_function("commits", lambda: commits.count)  # pyright: ignore[reportAttributeAccessIssue]
        writer.execute("""
            CREATE TEMP TABLE noted (number INTEGER);
            CREATE TEMP TRIGGER stored AFTER INSERT ON main.runs
                BEGIN INSERT INTO noted VALUES (commits()); END;
            CREATE TEMP TRIGGER claimed AFTER UPDATE OF worker ON main.runs
                WHEN new.state = 'running'
                BEGIN INSERT INTO noted VALUES (commits()); END""")

    await store._engine.write(note)


async def _stored_and_claimed(ductape: Ductape) -> int:
    """Schedule a job, wait for its result; return how many commits stored and claimed its run."""
    await ductape.processor.job.schedule(JOB)
    store = ductape.core.store
    assert isinstance(store, SqliteStore)

    def noted(writer: Connection) -> int:
        found = writer.execute("DELETE FROM noted RETURNING number").fetchall()
        assert len(found) == 2
        return len({number for (number,) in found})

    return await store._engine.write(noted)
