"""Work for an idle worker of the same process is stored and claimed by one commit on PostgreSQL."""

import asyncio

import psycopg
import pytest
from msgspec.structs import replace

from ductape.ports.stores.claims import Turn
from ductape.ports.stores.intake import NewJob
from ductape.stores.postgres.server.address import address_of
from ductape.stores.postgres.store import PostgresStore, open_postgres
from tests.builders import NOW_MS, a_new_job, a_spec, a_wish, decide
from tests.conformance.steps import claimed, hired, stored
from tests.postgres.counting import transactions
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import Proxy

PATIENCE_S = 10


class Standby:
    """An idle worker, in as much as the store sees of it; one that is slow begins no turn."""

    def __init__(self, store: PostgresStore, *, slow: bool = False) -> None:
        self._store = store
        self._slow = slow
        self.asked: list[asyncio.Task[Turn]] = []
        self.leave = store.wake.expect(self._ask)

    def _ask(self) -> bool:
        if not self._slow:
            turn = self._store.claims.turn(a_wish(), [], now_ms=NOW_MS)
            self.asked.append(asyncio.ensure_future(turn))
        return True

    async def claimed(self) -> list[str]:
        """Return the jobs that its turns have brought."""
        turns = await asyncio.gather(*self.asked)
        return [claim.run.job_id for turn in turns for claim in turn.claims]


async def test_whoever_asks_gets_the_job_out_of_the_same_commit(
    store: PostgresStore, quiet: psycopg.Connection
) -> None:
    await hired(store, "w1")
    standby, job = Standby(store), a_new_job()
    before = transactions(quiet)
    [added] = await store.intake.add([job], now_ms=NOW_MS)
    assert (added.verdict, added.begun) == ("added", True)
    assert await standby.claimed() == [job.job_id]
    assert transactions(quiet) - before == 2


async def test_where_no_turn_comes_by_the_job_is_stored_by_itself(store: PostgresStore) -> None:
    await hired(store, "w1")
    Standby(store, slow=True)
    [added] = await store.intake.add([a_new_job()], now_ms=NOW_MS)
    assert (added.verdict, added.begun) == ("added", False)
    assert [claim.run.job_id for claim in await claimed(store)] == [added.job_id]


@pytest.mark.parametrize(
    "job",
    [a_new_job(due_ms=NOW_MS + 60_000), a_new_job(a_spec(key="k"))],
    ids=["due later", "with a key"],
)
async def test_nobody_is_asked_about_what_is_not_to_be_had_so(
    store: PostgresStore, job: NewJob
) -> None:
    standby = Standby(store)
    await stored(store, job)
    assert standby.asked == []


async def test_who_has_left_is_not_asked(store: PostgresStore) -> None:
    standby = Standby(store)
    standby.leave()
    await stored(store, a_new_job())
    assert standby.asked == []


async def test_a_job_that_does_not_wait_alone_is_stored_and_shared_out_as_ever(
    store: PostgresStore,
) -> None:
    await hired(store, "w1")
    [first] = await stored(store, a_new_job())
    standby = Standby(store)
    [added] = await store.intake.add([a_new_job()], now_ms=NOW_MS)
    assert (added.verdict, added.begun) == ("added", False)
    assert set(await standby.claimed()) == {first, added.job_id}


async def test_a_job_that_was_resolved_against_an_older_product_is_not_stored(
    store: PostgresStore,
) -> None:
    await hired(store, "w1")
    standby = Standby(store)
    [added] = await store.intake.add([replace(a_new_job(), product_version=7)], now_ms=NOW_MS)
    assert (added.verdict, added.begun) == ("moved", False)
    assert await standby.claimed() == []


async def test_who_comes_beside_it_does_not_wait_for_its_turn(store: PostgresStore) -> None:
    await hired(store, "w1")
    standby = Standby(store)
    jobs = [a_new_job() for _ in range(20)]
    answers = await asyncio.gather(*(store.intake.add([job], now_ms=NOW_MS) for job in jobs))
    assert [added.job_id for [added] in answers] == [job.job_id for job in jobs]
    assert all(added.verdict == "added" for [added] in answers)
    got = await standby.claimed()
    standby.leave()
    got += [claim.run.job_id for claim in await claimed(store)]
    assert sorted(got) == sorted(job.job_id for job in jobs)


async def test_a_caller_who_is_gone_before_the_turn_begins_leaves_no_job(
    store: PostgresStore,
) -> None:
    await hired(store, "w1")
    standby = Standby(store)
    caller = asyncio.ensure_future(store.intake.add([a_new_job()], now_ms=NOW_MS))
    await asyncio.sleep(0)  # it has asked, and the turn is about to begin
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await standby.claimed() == []
    assert await claimed(store) == []


@pytest.mark.parametrize("late", [False, True], ids=["before the commit", "after it"])
async def test_a_line_that_breaks_leaves_one_job(
    server: PostgresServer, url: str, root: psycopg.Connection, *, late: bool
) -> None:
    line = Proxy(server.port)
    await line.open()
    schema = address_of(url).schema
    far = url.replace(f":{server.port}", f":{line.port}")
    store = await open_postgres(far, decide=decide, token="t")
    await hired(store, "w1")
    standby, job = Standby(store), a_new_job()
    if late:
        line.swallow_answers()
    else:
        line.cut_at(1)
    adding = asyncio.ensure_future(store.intake.add([job], now_ms=NOW_MS))
    if late:
        running = "SELECT job_id FROM {}.runs WHERE state = 'running'"
        async with asyncio.timeout(PATIENCE_S):
            while root.execute(running.format(schema).encode()).fetchall() == []:  # noqa: ASYNC110 (another process's)
                await asyncio.sleep(0.01)
        standby.leave()
        line.cut()
    async with asyncio.timeout(PATIENCE_S):
        [added] = await adding
    assert (added.verdict, added.job_id) == ("added", job.job_id)
    await asyncio.gather(*standby.asked, return_exceptions=True)
    every = "SELECT job_id FROM {}.runs"
    rows = root.execute(every.format(schema).encode()).fetchall()
    assert rows == [(job.job_id,)]
    await store.aclose()
    await line.aclose()
