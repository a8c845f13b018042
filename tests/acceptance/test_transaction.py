"""`ductape.transaction()` on SQLite: a block holds the one writer, so it has bounds."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from ductape import Conflict, Ductape, StoreError, ValidationError
from ductape.stores.sqlite.file import loan
from tests.acceptance.orders import JOB, PRODUCT, ordered, shop, stored

INSERT = "INSERT INTO orders VALUES (?)"
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a.db"


@pytest.fixture
async def ductape(store: str) -> AsyncIterator[Ductape]:
    async with shop(store) as opened:
        yield opened


async def test_a_statement_takes_parameters_by_place_and_by_name(ductape: Ductape) -> None:
    async with ductape.transaction() as tx:
        await tx.executemany(INSERT, [[1], [2]])
        assert await tx.execute("SELECT id FROM orders WHERE id > :n", {"n": 1}) == [(2,)]


async def test_a_caller_that_leaves_while_it_waits_for_its_turn_holds_up_nobody(
    ductape: Ductape,
) -> None:
    async with ductape.transaction() as tx:
        waits = asyncio.create_task(ordered(ductape))
        await asyncio.sleep(0)
        waits.cancel()
        await tx.execute(INSERT, [1])
    assert await ordered(ductape) == [1]


async def test_a_statement_that_takes_too_long_is_broken_off_when_its_caller_leaves(
    ductape: Ductape,
) -> None:
    task = asyncio.create_task(_say(ductape, ENDLESS))
    await asyncio.sleep(0.05)  # until it is under way: a statement gives no sign of it
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await ductape.processor.job.dispatch(JOB)


async def test_a_refusal_leaves_the_block_as_it_was(ductape: Ductape) -> None:
    await ductape.processor.job.dispatch({**JOB, "key": "a"})
    async with ductape.transaction() as tx:
        await tx.execute(INSERT, [1])
        other = {**JOB, "key": "a", "input": {"n": 2}}
        with pytest.raises(Conflict):
            await ductape.processor.job.dispatch_many([JOB, other], transaction=tx)
        with pytest.raises(StoreError, match="UNIQUE constraint failed"):
            await tx.execute(INSERT, [1])
        with pytest.raises(ValidationError):
            await ductape.processor.job.dispatch({**JOB, "retries": -1}, transaction=tx)
        await ductape.processor.job.dispatch(JOB, transaction=tx)
    assert (len(await stored(ductape)), await ordered(ductape)) == (2, [1])


async def test_dispatches_before_during_and_after_a_block_are_all_stored(ductape: Ductape) -> None:
    before = [asyncio.create_task(ductape.processor.job.dispatch(JOB)) for _ in range(20)]
    keyed = {**JOB, "key": "a"}

    async def block() -> str:
        async with ductape.transaction() as tx:
            receipt = await ductape.processor.job.dispatch(JOB, transaction=tx)
            await tx.execute(INSERT, [1])
        return receipt["job_id"]

    blocks = [asyncio.create_task(block()) for _ in range(3)]
    during = [asyncio.create_task(ductape.processor.job.dispatch(JOB)) for _ in range(20)]
    during.append(asyncio.create_task(ductape.processor.job.dispatch(keyed)))
    inside = await asyncio.gather(*blocks, return_exceptions=True)
    after = await ductape.processor.job.dispatch(JOB)
    kept = {one for one in inside if isinstance(one, str)}
    receipts = [*await asyncio.gather(*before, *during), after]
    found = await ductape.jobs.list(limit=100)
    assert {job["id"] for job in found} == kept | {one["job_id"] for one in receipts}
    assert len(kept) == 1  # the order was there for the others


@pytest.mark.parametrize(
    "call",
    [
        lambda ductape: ductape.processor.job.dispatch(JOB),
        lambda ductape: ductape.processor.job.dispatch({**JOB, "key": "a"}),
        lambda ductape: ductape.products.apply({**PRODUCT, "name": "Shop"}),
        lambda ductape: ductape.transaction().__aenter__(),
        lambda ductape: asyncio.gather(ductape.processor.job.dispatch(JOB)),
    ],
    ids=["dispatch", "dispatch-keyed", "apply", "nested", "gathered"],
)
async def test_a_write_beside_the_block_that_would_wait_for_it_is_refused(
    ductape: Ductape, call: Callable[[Ductape], asyncio.Future[object]]
) -> None:
    async with ductape.transaction() as tx:
        with pytest.raises(ValidationError, match="would wait for the end of the block"):
            await call(ductape)
        await tx.execute(INSERT, [1])
    assert (await stored(ductape), await ordered(ductape)) == (set(), [1])
    await ductape.processor.job.dispatch(JOB)


async def test_a_task_begun_in_the_block_may_write_after_it(ductape: Ductape) -> None:
    over = asyncio.Event()

    async def later() -> None:
        await over.wait()
        await ductape.processor.job.dispatch(JOB)

    async with ductape.transaction():
        task = asyncio.create_task(later())
    over.set()
    await task
    assert len(await stored(ductape)) == 1


async def test_a_block_that_lies_idle_is_undone_and_holds_up_nobody(
    ductape: Ductape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loan, "IDLE_S", 0.05)
    inside = asyncio.Event()
    go_on = asyncio.Event()

    async def block() -> None:
        async with ductape.transaction() as tx:
            await tx.execute(INSERT, [1])
            inside.set()
            await go_on.wait()
            await tx.execute(INSERT, [2])

    task = asyncio.create_task(block())
    await inside.wait()
    await ductape.processor.job.dispatch(JOB)
    go_on.set()
    with pytest.raises(StoreError, match="lay idle") as caught:
        await task
    assert caught.value.hint
    assert (await ordered(ductape), len(await stored(ductape))) == ([], 1)


async def test_a_block_that_was_undone_does_not_end_as_if_it_were_kept(
    ductape: Ductape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loan, "IDLE_S", 0.02)

    async def block() -> None:
        async with ductape.transaction() as tx:
            await tx.execute(INSERT, [1])
            await asyncio.sleep(0.2)

    with pytest.raises(StoreError, match="lay idle"):
        await block()
    assert await ordered(ductape) == []


async def test_a_block_that_was_undone_lets_its_own_exception_out(
    ductape: Ductape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loan, "IDLE_S", 0.02)

    async def block() -> None:
        async with ductape.transaction():
            await asyncio.sleep(0.2)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        await block()


async def test_a_statement_without_end_is_broken_off(
    ductape: Ductape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loan, "LONGEST_S", 0.1)
    with pytest.raises(StoreError, match="it took more than"):
        await _say(ductape, ENDLESS)
    await ductape.processor.job.dispatch(JOB)


async def test_a_block_of_many_short_statements_has_an_end_too(
    ductape: Ductape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loan, "LONGEST_S", 0.1)

    async def block() -> None:
        async with ductape.transaction() as tx:
            while True:
                await tx.execute("SELECT 1")

    with pytest.raises(StoreError, match="it took more than"):
        await block()


async def test_a_statement_that_undoes_the_transaction_ends_it(ductape: Ductape) -> None:
    async def block() -> None:
        async with ductape.transaction() as tx:
            await tx.execute(INSERT, [1])
            with pytest.raises(StoreError, match="UNIQUE"):
                await tx.execute("INSERT OR ROLLBACK INTO orders VALUES (1)")

    with pytest.raises(StoreError, match="by one of its own statements"):
        await block()
    assert await ordered(ductape) == []


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("COMMIT", "begins or ends a transaction"),
        ("ROLLBACK", "begins or ends a transaction"),
        ("PRAGMA user_version = 7", "PRAGMA"),
        ("ATTACH 'other.db' AS other", "ATTACH"),
        ("DELETE FROM runs", "own table `runs`"),
        ("UPDATE Job_Keys SET key = ''", "own table `job_keys`"),
        ("INSERT INTO secrets VALUES ('p', '', 'n', x'00', 1)", "own table `secrets`"),
        ("DROP TABLE history", "own table `history`"),
        ("ALTER TABLE schedules ADD COLUMN mine", "own table `schedules`"),
        ("CREATE INDEX mine ON runs (fence)", "own table `runs`"),
        ("DROP INDEX runs_claim", "own table `runs`"),
        ("CREATE TEMP TABLE runs (mine)", "own table `runs`"),
        ("CREATE TRIGGER mine AFTER DELETE ON runs BEGIN SELECT 1; END", "own table `runs`"),
        ("SELECT 1; DELETE FROM migrations", "own table `migrations`"),
    ],
)
async def test_what_is_ours_is_not_for_the_callers_statements(
    ductape: Ductape, sql: str, found: str
) -> None:
    async with ductape.transaction() as tx:
        with pytest.raises(ValidationError, match=found) as caught:
            await tx.execute(sql)
        assert caught.value.path == "sql"
        await tx.execute(INSERT, [1])
    assert await ordered(ductape) == [1]


async def test_a_trigger_of_the_callers_own_cannot_change_what_is_ours(ductape: Ductape) -> None:
    body = "BEGIN DELETE FROM runs; END"
    async with ductape.transaction() as tx:
        await tx.execute(f"CREATE TRIGGER mine AFTER INSERT ON orders {body}")
        with pytest.raises(ValidationError, match="own table `runs`"):
            await tx.execute(INSERT, [1])


async def test_a_transaction_of_another_store_is_refused(ductape: Ductape, tmp_path: Path) -> None:
    async with Ductape.open(f"sqlite:///{tmp_path}/b.db", worker=False) as other:
        await other.products.apply(PRODUCT)
        async with other.transaction() as tx:
            with pytest.raises(ValidationError, match="one of another store"):
                await ductape.processor.job.dispatch(JOB, transaction=tx)


async def test_another_sqlite_library_is_refused_with_the_reason(
    ductape: Ductape, tmp_path: Path
) -> None:
    own = sqlite3.connect(tmp_path / "own.db")
    with pytest.raises(ValidationError, match="drops the file's locks") as caught:
        await ductape.processor.job.dispatch(JOB, transaction=own)
    assert caught.value.path == "transaction"
    own.close()


async def test_closing_waits_for_a_block_that_is_open(store: str) -> None:
    ductape = await Ductape.open(store, worker=False).__aenter__()
    async with ductape.transaction() as tx:
        await tx.execute("CREATE TABLE orders (id)")
        closing = asyncio.create_task(ductape.aclose())
        await asyncio.sleep(0)
    await closing
    async with Ductape.open(store, worker=False) as again:
        assert await ordered(again) == []


async def _say(ductape: Ductape, sql: str) -> None:
    async with ductape.transaction() as tx:
        await tx.execute(sql)
