"""Jobs in a caller's own transaction: they are there with the caller's rows, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, create_async_engine

from ductape import Conflict, Ductape, Handlers, NotFound, StoreError, ValidationError
from tests.postgres.owners import INSERT, OWNERS, Owner
from tests.servers.postgres import PostgresServer

KEY = "k1:" + "A" * 43
PRODUCT = {"tag": "shop", "envs": [{"slug": "dev"}]}
JOB = {"product_tag": "shop", "env": "dev", "event": "ship", "input": {"n": 1}, "start_at": 0}
DAILY = {**JOB, "repeat": {"every": 86_400_000}, "start_at": "2099-01-01T00:00:00Z"}
PATIENCE_S = 20
PROMPT_S = 1.0

handlers = Handlers()


@handlers.job("ship")
def ship(given: dict[str, int]) -> int:
    return given["n"]


@pytest.fixture
def orders(root: psycopg.Connection) -> psycopg.Connection:
    """Give the caller's own table, empty, and a look at it from outside."""
    root.execute("CREATE TABLE IF NOT EXISTS orders (id integer PRIMARY KEY)")
    root.execute("TRUNCATE orders")
    return root


@pytest.fixture
async def ductape(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ductape]:
    """Give a process that only stores."""
    monkeypatch.setenv("DUCTAPE_KEY", KEY)
    async with Ductape.open(url, handlers=handlers) as opened:
        await opened.products.apply(PRODUCT)
        yield opened


@pytest.fixture(params=OWNERS)
async def owner(
    request: pytest.FixtureRequest, server: PostgresServer, orders: psycopg.Connection
) -> AsyncIterator[Owner]:
    """Give a caller who has just written an order of its own."""
    assert orders is not None
    async with OWNERS[request.param](server.url) as opened:
        await opened.say(INSERT.format(1))
        yield opened


@pytest.fixture
async def connection(
    server: PostgresServer, orders: psycopg.Connection
) -> AsyncIterator[AsyncConnection]:
    assert orders is not None
    async with await AsyncConnection.connect(server.url) as opened:
        yield opened


def ordered(orders: psycopg.Connection) -> list[int]:
    return [row[0] for row in orders.execute("SELECT id FROM orders ORDER BY id")]


async def stored(ductape: Ductape) -> set[str]:
    return {job["id"] for job in await ductape.jobs.list()}


async def test_the_job_is_there_with_the_callers_rows_at_the_commit_and_not_before(
    ductape: Ductape, owner: Owner, orders: psycopg.Connection
) -> None:
    receipt = await ductape.processor.job.dispatch(JOB, transaction=owner.transaction)
    assert (await stored(ductape), ordered(orders)) == (set(), [])
    await owner.commit()
    assert (await stored(ductape), ordered(orders)) == ({receipt["job_id"]}, [1])


async def test_the_job_is_gone_with_the_callers_rows(
    ductape: Ductape, owner: Owner, orders: psycopg.Connection
) -> None:
    jobs = [JOB, {**JOB, "key": "a"}, DAILY]
    await ductape.processor.job.dispatch_many(jobs, transaction=owner.transaction)
    await owner.roll_back()
    assert (await stored(ductape), ordered(orders)) == (set(), [])


async def test_a_conflict_leaves_the_transaction_usable(
    ductape: Ductape, owner: Owner, orders: psycopg.Connection
) -> None:
    taken = await ductape.processor.job.dispatch({**JOB, "key": "a"})
    other = {**JOB, "key": "a", "input": {"n": 2}}
    with pytest.raises(Conflict):
        await ductape.processor.job.dispatch_many([JOB, other], transaction=owner.transaction)
    await owner.say(INSERT.format(2))
    kept = await ductape.processor.job.dispatch(JOB, transaction=owner.transaction)
    await owner.commit()
    assert ordered(orders) == [1, 2]
    assert await stored(ductape) == {taken["job_id"], kept["job_id"]}


async def test_a_refusal_leaves_the_transaction_usable(
    ductape: Ductape, owner: Owner, orders: psycopg.Connection
) -> None:
    with pytest.raises(ValidationError):
        await ductape.processor.job.dispatch({**JOB, "retries": -1}, transaction=owner.transaction)
    with pytest.raises(NotFound):
        await ductape.processor.job.dispatch({**JOB, "env": "no"}, transaction=owner.transaction)
    await owner.commit()
    assert (await stored(ductape), ordered(orders)) == (set(), [1])


async def test_the_call_may_be_the_first_statement_of_its_transaction(
    ductape: Ductape, owner: Owner
) -> None:
    await owner.commit()
    receipt = await ductape.processor.job.dispatch(JOB, transaction=owner.transaction)
    assert await stored(ductape) == set()
    await owner.commit()
    assert await stored(ductape) == {receipt["job_id"]}


async def test_many_jobs_of_every_kind_are_stored_together(ductape: Ductape, owner: Owner) -> None:
    jobs = [*([JOB] * 150), {**JOB, "key": "a"}, {**DAILY, "key": "b"}, DAILY]
    receipts = await ductape.processor.job.dispatch_many(jobs, transaction=owner.transaction)
    more = await ductape.processor.job.dispatch_many([JOB] * 150, transaction=owner.transaction)
    await owner.commit()
    page = await ductape.jobs.list(limit=1_000)
    assert {job["id"] for job in page} == {one["job_id"] for one in [*receipts, *more]}


async def test_the_same_request_twice_in_a_transaction_is_one_job(
    ductape: Ductape, owner: Owner
) -> None:
    for job in ({**JOB, "key": "a"}, DAILY):
        first = await ductape.processor.job.dispatch(job, transaction=owner.transaction)
        again = await ductape.processor.job.dispatch(job, transaction=owner.transaction)
        assert again["job_id"] == first["job_id"]
    await owner.commit()
    assert len(await stored(ductape)) == 2


async def test_a_recurrence_is_replaced_in_the_transaction_that_made_it(
    ductape: Ductape, owner: Owner
) -> None:
    daily = {**DAILY, "key": "a"}
    first = await ductape.processor.job.dispatch(daily, transaction=owner.transaction)
    weekly = {**daily, "repeat": {"every": 604_800_000}}
    again = await ductape.processor.job.dispatch(weekly, transaction=owner.transaction)
    assert (again["job_id"], len(again["warnings"])) == (first["job_id"], 1)
    await owner.commit()
    assert (await ductape.jobs.get(first["job_id"]))["every"] == 604_800_000


async def test_a_replaced_recurrence_is_as_it_was_after_a_rollback(
    ductape: Ductape, owner: Owner
) -> None:
    daily = {**DAILY, "key": "a"}
    first = await ductape.processor.job.dispatch(daily)
    weekly = {**daily, "repeat": {"every": 604_800_000}}
    await ductape.processor.job.dispatch(weekly, transaction=owner.transaction)
    await owner.roll_back()
    assert (await ductape.jobs.get(first["job_id"]))["every"] == 86_400_000


async def test_the_job_is_executed_promptly_after_the_commit(
    url: str, ductape: Ductape, owner: Owner
) -> None:
    async with Ductape.open(url, handlers=handlers, worker=True):
        receipt = await ductape.processor.job.dispatch(JOB, transaction=owner.transaction)
        await owner.commit()
        # A worker that hears nothing would look again in a minute.
        assert await ductape.processor.job.wait(receipt["job_id"], timeout=PROMPT_S) == 1


async def test_a_worker_of_the_same_process_hears_of_the_commit_too(
    url: str, monkeypatch: pytest.MonkeyPatch, connection: AsyncConnection
) -> None:
    monkeypatch.setenv("DUCTAPE_KEY", KEY)
    async with Ductape.open(url, handlers=handlers, worker=True) as ductape:
        await ductape.products.apply(PRODUCT)
        receipt = await ductape.processor.job.dispatch(JOB, transaction=connection)
        await connection.commit()
        assert await ductape.processor.job.wait(receipt["job_id"], timeout=PROMPT_S) == 1


async def test_a_savepoint_of_the_callers_own_takes_the_job_back(
    ductape: Ductape, connection: AsyncConnection
) -> None:
    async with connection.transaction(), connection.transaction(force_rollback=True):
        await ductape.processor.job.dispatch(JOB, transaction=connection)
    assert await stored(ductape) == set()


async def test_calls_at_the_same_time_on_one_connection_take_turns(
    ductape: Ductape, connection: AsyncConnection
) -> None:
    await ductape.processor.job.dispatch({**JOB, "key": "a"})
    keys = ["a", *"bcdefgh"]
    jobs = ({**JOB, "key": key, "input": {"n": 2}} for key in keys)
    answers = await asyncio.gather(
        *(ductape.processor.job.dispatch(job, transaction=connection) for job in jobs),
        return_exceptions=True,
    )
    await connection.commit()
    assert [isinstance(answer, Conflict) for answer in answers] == [True, *([False] * 7)]
    assert len(await stored(ductape)) == 8


async def test_the_callers_settings_and_search_path_are_left_alone(
    ductape: Ductape, connection: AsyncConnection
) -> None:
    await connection.execute("SET search_path = pg_catalog; SET TIME ZONE 'Asia/Tokyo'")
    before = await (await connection.execute("SHOW ALL")).fetchall()
    await ductape.processor.job.dispatch({**JOB, "key": "a"}, transaction=connection)
    assert await (await connection.execute("SHOW ALL")).fetchall() == before
    prepared = await connection.execute("SELECT count(*) FROM pg_prepared_statements")
    assert await prepared.fetchone() == (0,)


async def test_a_snapshot_older_than_the_product_will_do(
    ductape: Ductape, connection: AsyncConnection
) -> None:
    await connection.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    await connection.execute("SELECT count(*) FROM orders")
    await ductape.products.apply({**PRODUCT, "name": "Shop"})
    receipt = await ductape.processor.job.dispatch(JOB, transaction=connection)
    await connection.commit()
    assert await stored(ductape) == {receipt["job_id"]}


async def test_a_key_taken_after_the_snapshot_asks_for_the_transaction_again(
    ductape: Ductape, connection: AsyncConnection, orders: psycopg.Connection
) -> None:
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    await connection.execute(INSERT.format(1))
    await ductape.processor.job.dispatch({**JOB, "key": "a"})
    with pytest.raises(StoreError, match="another transaction came first") as caught:
        await ductape.processor.job.dispatch({**JOB, "key": "a"}, transaction=connection)
    assert caught.value.hint == "run yours again from its beginning"
    await connection.commit()
    assert ordered(orders) == [1]


async def test_who_comes_second_to_a_key_waits_for_the_commit_of_the_first(
    ductape: Ductape, connection: AsyncConnection
) -> None:
    keyed = {**JOB, "key": "a"}
    first = await ductape.processor.job.dispatch(keyed, transaction=connection)
    second = asyncio.ensure_future(ductape.processor.job.dispatch(keyed))
    await until_somebody_waits(connection)
    await connection.commit()
    assert (await second)["job_id"] == first["job_id"]


@pytest.mark.parametrize("kind", ["psycopg-async", "psycopg-blocking"])
async def test_a_caller_cancelled_in_the_middle_leaves_a_usable_transaction(
    ductape: Ductape, server: PostgresServer, orders: psycopg.Connection, kind: str
) -> None:
    keyed = {**JOB, "key": "a"}
    async with AsyncExitStack() as stack:
        one, two = [
            await stack.enter_async_context(OWNERS[each](server.url))
            for each in ("psycopg-async", kind)
        ]
        await ductape.processor.job.dispatch(keyed, transaction=one.transaction)
        await two.say(INSERT.format(1))
        waits = asyncio.ensure_future(
            ductape.processor.job.dispatch(keyed, transaction=two.transaction)
        )
        await until_somebody_waits(orders)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
        assert isinstance(two.transaction, AsyncConnection | psycopg.Connection)
        assert two.transaction.info.transaction_status is TransactionStatus.INTRANS
        await two.say(INSERT.format(2))
        await two.commit()
    assert ordered(orders) == [1, 2]


async def test_a_blocking_connection_does_not_hold_up_the_loop(
    ductape: Ductape, server: PostgresServer, orders: psycopg.Connection
) -> None:
    keyed = {**JOB, "key": "a"}
    async with OWNERS["psycopg-async"](server.url) as one:
        first = await ductape.processor.job.dispatch(keyed, transaction=one.transaction)
        async with OWNERS["psycopg-blocking"](server.url) as two:
            waits = asyncio.ensure_future(
                ductape.processor.job.dispatch(keyed, transaction=two.transaction)
            )
            await until_somebody_waits(orders)
            await one.commit()
            assert (await waits)["job_id"] == first["job_id"]


async def test_autocommit_outside_of_a_transaction_is_refused(
    ductape: Ductape, server: PostgresServer
) -> None:
    async with await AsyncConnection.connect(server.url, autocommit=True) as connection:
        with pytest.raises(ValidationError, match=r"with connection\.transaction\(\)") as caught:
            await ductape.processor.job.dispatch(JOB, transaction=connection)
        assert caught.value.path == "transaction"
        async with connection.transaction():
            await ductape.processor.job.dispatch(JOB, transaction=connection)
    assert len(await stored(ductape)) == 1


async def test_a_sqlalchemy_connection_in_autocommit_is_refused(
    ductape: Ductape, server: PostgresServer
) -> None:
    dialect = server.url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_async_engine(dialect, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        with pytest.raises(ValidationError, match="autocommit"):
            await ductape.processor.job.dispatch(JOB, transaction=connection)
    await engine.dispose()


async def test_a_failed_transaction_is_refused_until_it_is_rolled_back(
    ductape: Ductape, connection: AsyncConnection
) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        await connection.execute("SELECT 1 / 0")
    with pytest.raises(ValidationError, match="roll it back"):
        await ductape.processor.job.dispatch(JOB, transaction=connection)
    await connection.rollback()
    await ductape.processor.job.dispatch(JOB, transaction=connection)


async def test_a_closed_connection_is_refused(
    ductape: Ductape, connection: AsyncConnection
) -> None:
    await connection.close()
    with pytest.raises(ValidationError, match="found a closed one"):
        await ductape.processor.job.dispatch(JOB, transaction=connection)


async def test_a_connection_in_pipeline_mode_is_refused(
    ductape: Ductape, connection: AsyncConnection
) -> None:
    async with connection.pipeline():
        with pytest.raises(ValidationError, match="pipeline"):
            await ductape.processor.job.dispatch(JOB, transaction=connection)


async def test_another_database_is_refused_and_its_transaction_stays_usable(
    ductape: Ductape, server: PostgresServer, root: psycopg.Connection
) -> None:
    root.execute("CREATE DATABASE elsewhere")
    url = server.url.removesuffix("/postgres") + "/elsewhere"
    async with await AsyncConnection.connect(url) as other:
        await other.execute("CREATE TABLE orders (id integer)")
        with pytest.raises(ValidationError, match="the database `elsewhere`") as caught:
            await ductape.processor.job.dispatch(JOB, transaction=other)
        assert caught.value.path == "transaction"
        await other.execute(INSERT.format(1))
        await other.commit()
    root.execute("DROP DATABASE elsewhere")


async def test_a_server_started_again_is_still_the_stores_own(
    ductape: Ductape, connection: AsyncConnection
) -> None:
    await ductape.processor.job.dispatch(JOB, transaction=connection)
    store = ductape.core.store
    store.intake._borrowing._home = (1, 0.0, "as it was before")  # type: ignore[attr-defined]
    await ductape.processor.job.dispatch(JOB, transaction=connection)
    await connection.commit()
    assert len(await stored(ductape)) == 2


async def test_a_user_without_rights_is_told_so_and_can_go_on(
    ductape: Ductape, server: PostgresServer, root: psycopg.Connection
) -> None:
    root.execute("CREATE ROLE visitor LOGIN")
    url = server.url.replace("postgres@", "visitor@")
    async with await AsyncConnection.connect(url) as connection:
        with pytest.raises(StoreError, match="lacks a right"):
            await ductape.processor.job.dispatch(JOB, transaction=connection)
        await connection.execute("SELECT 1")
    root.execute("DROP ROLE visitor")


@pytest.mark.parametrize("given", [object(), "conn", 7], ids=lambda given: type(given).__name__)
async def test_what_is_no_connection_is_refused(ductape: Ductape, given: object) -> None:
    with pytest.raises(ValidationError, match="a psycopg connection, a SQLAlchemy"):
        await ductape.processor.job.dispatch(JOB, transaction=given)


async def test_a_registry_of_sessions_is_refused_with_what_to_do(
    ductape: Ductape, server: PostgresServer
) -> None:
    engine = create_async_engine(server.url.replace("postgresql", "postgresql+psycopg"))
    sessions = async_scoped_session(lambda: AsyncSession(engine), scopefunc=asyncio.current_task)
    with pytest.raises(ValidationError, match="call it"):
        await ductape.processor.job.dispatch(JOB, transaction=sessions)
    await engine.dispose()


async def test_another_driver_under_sqlalchemy_is_refused_with_what_to_do(
    ductape: Ductape,
) -> None:
    engine = create_engine("sqlite://")
    with (
        engine.connect() as other,
        pytest.raises(ValidationError, match=r"over `sqlite3\.Connection`.*postgresql\+psycopg://"),
    ):
        await ductape.processor.job.dispatch(JOB, transaction=other)
    engine.dispose()


async def until_somebody_waits(looking: psycopg.Connection | AsyncConnection) -> None:
    """Wait until a statement waits for a lock."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with asyncio.timeout(PATIENCE_S):
        while True:
            match looking:
                case AsyncConnection():
                    row = await (await looking.execute(sql)).fetchone()
                case _:
                    row = looking.execute(sql).fetchone()
            if row != (0,):
                return
            await asyncio.sleep(0.01)
