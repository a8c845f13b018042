"""Work for an idle worker of the same process is stored and claimed by one commit."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape import Ductape, Handlers
from ductape.ports.stores.claims import Turn
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


async def test_who_has_left_is_not_asked(store: SqliteStore) -> None:
    standby = Standby(store)
    standby.leave()
    await store.intake.add([a_new_job()], now_ms=NOW_MS)
    assert standby.asked == []


async def test_one_commit_lies_between_a_dispatch_and_the_handlers_first_line(
    tmp_path: Path,
) -> None:
    handlers = Handlers()
    seen: asyncio.Queue[int] = asyncio.Queue()

    @handlers.job("noop")
    async def noop(_: dict[str, object]) -> None:
        seen.put_nowait(commits.count)

    url = f"sqlite:///{tmp_path / 'a.db'}"
    async with Ductape.open(url, handlers=handlers, worker=True) as ductape:
        await ductape.products.apply({"tag": "shop", "envs": [{"slug": "dev"}]})
        commits = Commits(ductape.core.store)
        for _ in range(3):  # the first finds statements to be prepared, the worker still to be idle
            await _until_idle(ductape)
            before = commits.count
            await ductape.processor.job.dispatch(JOB)
            async with asyncio.timeout(PATIENCE_S):
                assert await seen.get() == before + 1


async def _until_idle(ductape: Ductape) -> None:
    """Wait until the worker has settled all and takes no further turn."""
    [worker] = ductape._workers.values()
    while not (worker._lane._under_way == [] and worker._lane._outbox == []):  # noqa: ASYNC110
        await asyncio.sleep(0.01)  # the lane tells nobody that it is idle
