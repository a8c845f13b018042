"""`ductape.transaction()` on PostgreSQL, and callers that block."""

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from ductape import Conflict, Ductape, Handlers, StoreError, ValidationError
from ductape.app.blocking import BlockingDuctape
from tests.servers.postgres import PostgresServer

KEY = "k1:" + "A" * 43
PRODUCT = {"tag": "shop", "envs": [{"slug": "dev"}]}
JOB = {"product_tag": "shop", "env": "dev", "event": "ship", "input": {"n": 1}, "start_at": 0}
INSERT = "INSERT INTO lent_orders VALUES (%s)"

handlers = Handlers()


@handlers.job("ship")
def ship(given: dict[str, int]) -> int:
    return given["n"]


@pytest.fixture(autouse=True)
def orders(root: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCTAPE_KEY", KEY)
    root.execute("CREATE TABLE IF NOT EXISTS lent_orders (id integer PRIMARY KEY)")
    root.execute("TRUNCATE lent_orders")


@pytest.fixture
async def ductape(url: str) -> AsyncIterator[Ductape]:
    async with Ductape.open(url, handlers=handlers) as opened:
        await opened.products.apply(PRODUCT)
        yield opened


def ordered(root: psycopg.Connection) -> list[int]:
    return [row[0] for row in root.execute("SELECT id FROM lent_orders ORDER BY id")]


async def test_rows_and_jobs_are_there_at_the_end_of_the_block(
    ductape: Ductape, root: psycopg.Connection
) -> None:
    async with ductape.transaction() as tx:
        await tx.executemany(INSERT, [[1], [2]])
        await ductape.processor.job.dispatch({**JOB, "key": "a"}, transaction=tx)
        rows = await tx.execute("SELECT id FROM lent_orders WHERE id > %(n)s", {"n": 1})
        assert (rows, await tx.execute("CREATE TEMP TABLE mine ()")) == ([(2,)], [])
        assert (ordered(root), await ductape.jobs.list()) == ([], [])
    assert (ordered(root), len(await ductape.jobs.list())) == ([1, 2], 1)


async def test_an_exception_undoes_both(ductape: Ductape, root: psycopg.Connection) -> None:
    async def block() -> None:
        async with ductape.transaction() as tx:
            await tx.execute(INSERT, [1])
            await ductape.processor.job.dispatch({**JOB, "key": "a"}, transaction=tx)
            other = {**JOB, "key": "a", "input": {"n": 2}}
            await ductape.processor.job.dispatch(other, transaction=tx)

    with pytest.raises(Conflict):
        await block()
    assert (ordered(root), await ductape.jobs.list()) == ([], [])


async def test_a_block_whose_statement_failed_does_not_end_as_if_it_were_kept(
    ductape: Ductape, root: psycopg.Connection
) -> None:
    async def block() -> None:
        async with ductape.transaction() as tx:
            await tx.execute(INSERT, [1])
            with pytest.raises(StoreError, match="the row is there already"):
                await tx.execute(INSERT, [1])

    with pytest.raises(StoreError, match="by one of its own statements"):
        await block()
    assert ordered(root) == []


async def test_what_is_refused_at_the_commit_is_told(
    ductape: Ductape, root: psycopg.Connection
) -> None:
    root.execute("DROP TABLE lent_orders")
    root.execute("CREATE TABLE lent_orders (id integer UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(StoreError, match="the row is there already"):
        async with ductape.transaction() as tx:
            await tx.executemany(INSERT, [[1], [1]])
    root.execute("DROP TABLE lent_orders")


async def test_after_its_end_a_transaction_is_of_no_use(ductape: Ductape) -> None:
    async with ductape.transaction() as tx:
        await tx.execute("SELECT 1")
    for call in (tx.execute("SELECT 1"), ductape.processor.job.dispatch(JOB, transaction=tx)):
        with pytest.raises(ValidationError, match="found one that has ended"):
            await call


async def test_the_pools_connections_may_be_gone(
    ductape: Ductape, root: psycopg.Connection
) -> None:
    gone = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ductape'"
    )
    root.execute(gone)
    async with ductape.transaction() as tx:
        await tx.execute(INSERT, [1])
    assert ordered(root) == [1]


def test_a_blocking_caller_brings_its_own_connection(
    url: str, server: PostgresServer, root: psycopg.Connection
) -> None:
    with (
        Ductape.sync(url, handlers=handlers, worker=True) as ductape,
        psycopg.connect(server.url, row_factory=dict_row) as connection,
    ):
        ductape.products.apply(PRODUCT)
        connection.execute(INSERT, [1])
        receipt = ductape.processor.job.dispatch(JOB, transaction=connection)
        assert ductape.jobs.list() == []
        connection.commit()
        assert ductape.processor.job.wait(receipt["job_id"], timeout=1) == 1
        connection.execute(INSERT, [2])
        ductape.processor.job.dispatch(JOB, transaction=connection)
        connection.rollback()
        with pytest.raises(ZeroDivisionError):
            dispatch_and_fail(ductape)
        with ductape.transaction() as tx:
            tx.execute(INSERT, [4])
        assert len(ductape.jobs.list()) == 1
    assert ordered(root) == [1, 4]


def dispatch_and_fail(ductape: BlockingDuctape) -> None:
    with ductape.transaction() as tx:
        ductape.processor.job.dispatch(JOB, transaction=tx)
        tx.execute(INSERT, [3])
        _ = 1 / 0


async def test_a_transaction_of_another_kind_of_store_is_refused(
    ductape: Ductape, tmp_path: Path
) -> None:
    async with (
        Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as other,
        other.transaction() as tx,
    ):
        with pytest.raises(ValidationError, match="a psycopg connection, a SQLAlchemy"):
            await ductape.processor.job.dispatch(JOB, transaction=tx)
