"""History by the day: made ahead, dropped whole, and nobody made to wait."""

import asyncio
import logging
from collections.abc import Sequence

import psycopg
import pytest

from ductape.domain.operations import cancel, retry
from ductape.domain.outcome import Cancelled, Outcome, Success
from ductape.domain.retention import KeptFrom, Others
from ductape.ports.stores.upkeep import NO_OTHERS
from ductape.stores.postgres.rows.values import Row
from ductape.stores.postgres.schema import days
from ductape.stores.postgres.schema.days import DAY_MS, Day, days_from, start_of_day
from ductape.stores.postgres.schema.migrating import migrate
from ductape.stores.postgres.server.address import address_of
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.store import PostgresStore, open_postgres
from ductape.stores.postgres.upkeep import sweeping
from ductape.stores.postgres.upkeep.retention import AHEAD
from tests.builders import (
    NOW_MS,
    ZONES,
    a_failure,
    a_new_job,
    a_recurring_job,
    a_spec,
    an_id,
    decide,
)
from tests.conformance.steps import applied, claimed_one, hired, record, settled, stored
from tests.servers.postgres import PostgresServer

PATIENCE_S = 5
TODAY = Day(start_of_day(NOW_MS), "completed")


async def prune(
    store: PostgresStore,
    *,
    now_ms: int = NOW_MS,
    completed_ms: int = 0,
    failed_ms: int = 0,
    limit: int = 99,
    products: Others = NO_OTHERS,
) -> bool:
    """Do one batch of pruning as of an instant, keeping everything unless told otherwise."""
    return await store.upkeep.prune(
        completed_before_ms=completed_ms,
        failed_before_ms=failed_ms,
        now_ms=now_ms,
        limit=limit,
        products=products,
    )


async def prune_all(store: PostgresStore, *, now_ms: int, kept_from_ms: int) -> None:
    while await prune(
        store, now_ms=now_ms, completed_ms=kept_from_ms, failed_ms=kept_from_ms, limit=2
    ):
        pass


async def an_end(
    store: PostgresStore,
    outcome: Outcome,
    *,
    at_ms: int = NOW_MS,
    key: str | None = None,
    product: str = "orders",
) -> str:
    """Store a job and let it end at an instant."""
    [job_id] = await stored(store, a_new_job(a_spec(key=key, product=product), id=an_id(at_ms)))
    await settled(store, await claimed_one(store), outcome, now_ms=at_ms)
    return job_id


async def table_of(store: PostgresStore, job_id: str) -> str:
    """Tell in which partition a job's only finished run is."""
    schema = store._engine.address.schema
    async with store._engine._pool.connection() as link:
        sql = f"SELECT tableoid::regclass::text FROM {schema}.history WHERE job_id = '{job_id}'"  # noqa: S608 (names of ours)
        [[name]] = await (await link.execute(sql.encode())).fetchall()
    return name.removeprefix(f"{schema}.")


async def known(store: PostgresStore) -> dict[Day, bool]:
    return await store._engine.single(days.known_days)


@pytest.fixture(autouse=True)
async def worker(store: PostgresStore) -> None:
    await hired(store, "w1")


async def test_a_fresh_database_has_the_days_that_come_next(store: PostgresStore) -> None:
    assert len(await known(store)) == 4


async def test_days_are_made_ahead(store: PostgresStore) -> None:
    await prune(store)
    made = {day for day, attached in (await known(store)).items() if attached}
    assert set(days_from(NOW_MS, ahead=AHEAD)) <= made


@pytest.mark.parametrize(
    ("outcome", "share"),
    [(Success(1), "completed"), (a_failure(), "failed"), (Cancelled(None), "failed")],
)
async def test_a_run_goes_to_its_day_among_those_kept_as_long(
    store: PostgresStore, outcome: Outcome, share: days.Share
) -> None:
    await prune(store)
    job_id = await an_end(store, outcome)
    assert await table_of(store, job_id) == Day(start_of_day(NOW_MS), share).name


async def test_a_run_whose_day_is_not_there_is_stored_all_the_same(store: PostgresStore) -> None:
    job_id = await an_end(store, Success(1))
    assert await table_of(store, job_id) == "history_completed_rest"
    assert (await record(store, job_id)).status == "completed"


async def test_a_run_that_was_there_before_its_day_moves_into_it(store: PostgresStore) -> None:
    job_id = await an_end(store, Success(1))
    await prune(store)
    assert await table_of(store, job_id) == TODAY.name
    assert (await record(store, job_id)).status == "completed"


async def test_a_run_that_ends_while_its_day_is_made_is_recorded_there(
    store: PostgresStore, root: psycopg.Connection
) -> None:
    [job_id] = await stored(store, a_new_job())
    claim = await claimed_one(store)
    made, ending = asyncio.Event(), asyncio.Event()

    async def make(transaction: Transaction) -> None:
        assert await days.make(transaction, TODAY) == "done"
        made.set()
        await ending.wait()

    making = asyncio.create_task(store._engine.write(make))
    await made.wait()
    ended = asyncio.create_task(settled(store, claim, Success(1)))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with asyncio.timeout(PATIENCE_S):
        while root.execute(waiting).fetchall() == [(0,)]:  # noqa: ASYNC110 (another process's)
            await asyncio.sleep(0.01)
    ending.set()
    await making
    assert await ended == "recorded"
    assert await table_of(store, job_id) == TODAY.name


async def test_of_a_crowded_day_nothing_moves_and_all_is_pruned_in_time(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(days, "MOST_STRAYS", 2)
    jobs = [await an_end(store, Success(1)) for _ in range(3)]
    await prune(store)
    assert await table_of(store, jobs[0]) == "history_completed_rest"
    await prune_all(store, now_ms=NOW_MS + DAY_MS, kept_from_ms=NOW_MS + DAY_MS)
    assert not any([await store.reading.get(job_id) for job_id in jobs])


async def test_an_old_day_is_dropped_whole_and_a_young_one_stays(store: PostgresStore) -> None:
    await prune(store)
    old = await an_end(store, Success(1))
    young = await an_end(store, Success(1), at_ms=NOW_MS + DAY_MS)
    await prune_all(store, now_ms=NOW_MS + DAY_MS, kept_from_ms=NOW_MS + DAY_MS)
    assert await store.reading.get(old) is None
    assert await store.reading.get(young) is not None
    assert min(day.starts_ms for day in await known(store)) == TODAY.ends_ms


async def test_failed_days_outlive_the_others(store: PostgresStore) -> None:
    await prune(store)
    done, failed = await an_end(store, Success(1)), await an_end(store, a_failure())
    while await prune(store, now_ms=NOW_MS + DAY_MS, completed_ms=NOW_MS + DAY_MS):
        pass
    assert await store.reading.get(done) is None
    assert await store.reading.get(failed) is not None


async def test_the_keys_of_a_dropped_day_are_freed_batch_by_batch(store: PostgresStore) -> None:
    await prune(store)
    for at in range(5):
        await an_end(store, Success(1), key=f"k{at}")
    await prune_all(store, now_ms=NOW_MS + DAY_MS, kept_from_ms=NOW_MS + DAY_MS)
    held = [await store.intake.holder("orders", "prd", f"k{at}") for at in range(5)]
    assert held == [None] * 5
    assert TODAY not in await known(store)


async def test_a_key_stays_while_a_later_run_of_its_job_is_kept(store: PostgresStore) -> None:
    await prune(store)
    job_id = await an_end(store, a_failure(), key="a")
    again = retry(await record(store, job_id), delay_ms=0, now_ms=NOW_MS, zones=ZONES)
    await applied(store, again)
    await settled(store, await claimed_one(store), Success(1), now_ms=NOW_MS + DAY_MS)
    await prune_all(store, now_ms=NOW_MS + DAY_MS, kept_from_ms=NOW_MS + DAY_MS)
    assert len(await store.reading.history(job_id, limit=9)) == 1
    assert await store.intake.holder("orders", "prd", "a") is not None


async def test_a_day_that_was_taken_out_and_left_behind_is_dropped(store: PostgresStore) -> None:
    await prune(store)
    await an_end(store, Success(1), key="a")
    assert await store._engine.write(lambda t: days.detach(t, TODAY)) == "done"
    await prune_all(store, now_ms=NOW_MS, kept_from_ms=0)
    assert TODAY not in await known(store) or (await known(store))[TODAY]
    assert await store.intake.holder("orders", "prd", "a") is None


async def test_who_reads_for_long_delays_a_drop_and_nobody_else(
    store: PostgresStore, url: str, root: psycopg.Connection
) -> None:
    await prune(store)
    old = await an_end(store, Success(1))
    later = NOW_MS + DAY_MS
    with root.transaction():
        root.execute(f"SELECT FROM {address_of(url).schema}.history".encode())
        async with asyncio.timeout(PATIENCE_S):
            assert not await prune(store, now_ms=later, completed_ms=later)
            await an_end(store, Success(1), at_ms=later)
    assert await store.reading.get(old) is not None
    await prune_all(store, now_ms=later, kept_from_ms=later)
    assert await store.reading.get(old) is None


async def test_many_that_prune_at_once_make_each_day_once(store: PostgresStore) -> None:
    await an_end(store, Success(1))
    await asyncio.gather(*(prune(store) for _ in range(6)))
    assert set(days_from(NOW_MS, ahead=AHEAD)) <= (await known(store)).keys()


async def test_who_may_not_change_tables_says_so_once_and_deletes_in_batches(
    url: str,
    server: PostgresServer,
    root: psycopg.Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    schema = f"{address_of(url).schema}_lent"
    await migrate(f"{server.url}?schema={schema}")
    root.execute("CREATE ROLE tenderfoot LOGIN")
    root.execute(f"GRANT USAGE ON SCHEMA {schema} TO tenderfoot".encode())
    root.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO tenderfoot".encode())
    lent = f"postgresql://tenderfoot@127.0.0.1:{server.port}/postgres?schema={schema}"
    store = await open_postgres(lent, decide=decide, token="t")
    await hired(store, "w1")
    short = await ends(store, 1)
    jobs = [await an_end(store, Success(1), key=f"k{at}") for at in range(3)]
    await prune(store, now_ms=LATER, products=SHORT)
    assert (await there(store, short), await there(store, jobs)) == (0, 3)
    with caplog.at_level(logging.WARNING):
        await prune_all(store, now_ms=NOW_MS + DAY_MS, kept_from_ms=NOW_MS + DAY_MS)
    assert not any([await store.reading.get(job_id) for job_id in jobs])
    assert await store.intake.holder("orders", "prd", "k0") is None
    assert caplog.text.count("does not own the tables") == 1
    await store.aclose()


LATER = NOW_MS + DAY_MS
SHORT: Others = {"clicks": KeptFrom(LATER, LATER)}
"""Nothing of one product is kept of the day before `LATER`."""


async def ends(store: PostgresStore, count: int, product: str = "clicks") -> list[str]:
    return [await an_end(store, Success(1), product=product) for _ in range(count)]


async def there(store: PostgresStore, jobs: list[str]) -> int:
    return sum([await store.reading.get(job_id) is not None for job_id in jobs])


async def swept(store: PostgresStore) -> list[tuple[str, str, str | None]]:
    rows = await store._engine.single(lambda t: t.rows("history_swept", "all"))
    return [(row[0], row[1], row[2]) for row in rows]


async def test_a_day_is_dropped_when_the_last_products_time_is_over(store: PostgresStore) -> None:
    await prune(store)
    long, other = await ends(store, 1, "audits"), await ends(store, 1, "orders")
    kept: Others = {"audits": KeptFrom(0, 0)}
    while await prune(store, now_ms=LATER, completed_ms=LATER, products=kept):
        pass
    assert await there(store, other) == 0
    assert await there(store, long) == 1
    assert (await known(store))[TODAY]
    assert await table_of(store, long[0]) == TODAY.name
    while await prune(store, now_ms=LATER, completed_ms=LATER):
        pass
    assert await there(store, long) == 0
    assert TODAY not in await known(store)
    assert TODAY.name not in {day for day, *_ in await swept(store)}


async def test_whoever_has_the_duty_next_goes_on_where_the_last_one_stopped(
    store: PostgresStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "LOOKED_AT", 1)
    await prune(store)
    kept, old = await ends(store, 4, "orders"), await ends(store, 3)
    while TODAY.name not in {day for day, *_ in await swept(store)}:
        assert await prune(store, now_ms=LATER, limit=3, products=SHORT)
    assert (TODAY.name, kept[2]) in {(day, after) for day, _, after in await swept(store)}
    next_one = await open_postgres(url, decide=decide, token="n")
    assert await prune(next_one, now_ms=LATER, limit=3, products=SHORT)
    assert await there(store, old) == 1
    while await prune(next_one, now_ms=LATER, limit=3, products=SHORT):
        pass
    await next_one.aclose()
    assert await there(store, old) == 0
    assert await there(store, kept) == 4


async def test_what_is_swept_is_not_looked_at_again(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prune(store)
    await ends(store, 2)
    while await prune(store, now_ms=LATER, products=SHORT):
        pass

    async def not_again(*_: object) -> bool:
        raise AssertionError("it was looked at again")

    monkeypatch.setattr(sweeping, "_sweep", not_again)
    assert not await prune(store, now_ms=LATER, products=SHORT)


async def test_who_reads_for_long_holds_up_no_sweep_and_is_held_up_by_none(
    store: PostgresStore, url: str, root: psycopg.Connection
) -> None:
    await prune(store)
    [old] = await ends(store, 1)
    with root.transaction():
        root.execute(f"SELECT FROM {address_of(url).schema}.history".encode())
        async with asyncio.timeout(PATIENCE_S):
            while await prune(store, now_ms=LATER, products=SHORT):
                pass
            await an_end(store, Success(1), at_ms=LATER, product="clicks")
    assert await there(store, [old]) == 0


async def test_two_that_prune_wait_for_one_another_and_for_no_row(
    store: PostgresStore, url: str, root: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prune(store)
    old = await ends(store, 4)
    deleting, release = asyncio.Event(), asyncio.Event()
    delete = sweeping._delete

    async def slowly(transaction: Transaction, day: Day, rows: Sequence[Row]) -> None:
        deleting.set()
        await release.wait()
        await delete(transaction, day, rows)

    monkeypatch.setattr(sweeping, "_delete", slowly)
    other = await open_postgres(url, decide=decide, token="o")

    async def swept_by(one: PostgresStore) -> None:
        while await prune(one, now_ms=LATER, products=SHORT):
            pass

    first = asyncio.create_task(swept_by(store))
    async with asyncio.timeout(PATIENCE_S):
        await deleting.wait()
        second = asyncio.create_task(swept_by(other))
        while waiting_for(root) != ["duties"]:  # noqa: ASYNC110 (the server gives no sign)
            await asyncio.sleep(0.01)
        release.set()
        await asyncio.gather(first, second)
    assert await there(store, old) == 0
    await other.aclose()


def waiting_for(root: psycopg.Connection) -> list[str]:
    """Tell for rows of which tables somebody waits."""
    sql = """
        SELECT DISTINCT held.relation::regclass::text FROM pg_locks AS wanted
        JOIN pg_locks AS held ON held.pid = wanted.pid AND held.mode = 'RowExclusiveLock'
            AND held.locktype = 'relation'
        WHERE NOT wanted.granted AND wanted.locktype = 'transactionid'
    """
    names = {row[0].rpartition(".")[2] for row in root.execute(sql).fetchall()}
    return sorted(name for name in names if not name.endswith("_pkey"))


async def test_an_old_failure_can_be_retried_while_its_neighbours_go(store: PostgresStore) -> None:
    await prune(store)
    failed = await an_end(store, a_failure(), product="orders", key="a")
    await an_end(store, a_failure(), product="clicks")
    sweep = prune(store, now_ms=LATER, products=SHORT)
    again = retry(await record(store, failed), delay_ms=0, now_ms=NOW_MS, zones=ZONES)
    await asyncio.gather(sweep, applied(store, again))
    assert (await record(store, failed)).status == "queued"
    assert await store.intake.holder("orders", "prd", "a") is not None


@pytest.mark.parametrize("outcome", [Success(1), a_failure()])
async def test_what_ended_before_it_was_made_as_clocks_have_it_is_found(
    store: PostgresStore, outcome: Outcome
) -> None:
    await prune(store, now_ms=NOW_MS - 9 * DAY_MS)
    [job_id] = await stored(store, a_new_job())
    await settled(store, await claimed_one(store), outcome, now_ms=NOW_MS - 9 * DAY_MS)
    found = await record(store, job_id)
    assert await store.reading.history(job_id, limit=9) == [found.last]
    assert await store.reading.run(job_id, 1) == found.last
    again = retry(found, delay_ms=0, now_ms=NOW_MS, zones=ZONES)
    assert (again is None) == (found.status == "completed")
    if again is not None:
        await applied(store, again)


def test_a_day_is_named_after_its_date() -> None:
    assert TODAY.name == "history_completed_20270115"
    assert days._day_of(TODAY.name) == TODAY


async def test_a_recurrence_that_somebody_opens_anew_is_not_pruned(store: PostgresStore) -> None:
    """Nor waited for: whoever replaces several would wait for the pruning in turn."""
    job = a_recurring_job()
    await stored(store, job)
    before = await record(store, job.job_id)
    await applied(store, cancel(before, run_only=False, reason=None, now_ms=NOW_MS, zones=ZONES))
    old_ms = NOW_MS + 2 * DAY_MS
    schema = store._engine.address.schema
    async with store._engine._pool.connection() as link, link.transaction():
        sql = f"UPDATE {schema}.schedules SET state = 'active', version = version + 1"  # noqa: S608 (ours)
        await link.execute(sql.encode())
        async with asyncio.timeout(PATIENCE_S):
            await prune(store, now_ms=old_ms, completed_ms=old_ms, failed_ms=old_ms)
    schedule = (await record(store, job.job_id)).schedule
    assert schedule is not None
    assert schedule.state == "active"
