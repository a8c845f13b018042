"""The blocking surface is the async one, handed to a loop of its own."""

import copy
import multiprocessing
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from ductape import Ductape, DuctapeError, Handlers, NotFound, ValidationError
from ductape.app.blocking import BlockingDuctape

PRODUCT = {"tag": "shop", "envs": [{"slug": "dev"}]}
JOB = {"product_tag": "shop", "env": "dev", "event": "double", "input": {"n": 21}, "start_at": 0}


@pytest.fixture
def handlers() -> Handlers:
    registry = Handlers()

    @registry.job("double")
    async def double(given: dict[str, int]) -> int:
        return given["n"] * 2

    return registry


def test_schedule_blocks_until_the_result_is_there(store: str, handlers: Handlers) -> None:
    with Ductape.sync(store, handlers=handlers, worker=True) as ductape:
        ductape.products.apply(PRODUCT)
        assert ductape.processor.job.schedule(JOB, timeout=10) == 42
        assert ductape.jobs.list()[0]["status"] == "completed"


def test_a_job_is_followed_by_a_plain_loop(store: str, handlers: Handlers) -> None:
    with Ductape.sync(store, handlers=handlers, worker=True) as ductape:
        ductape.products.apply(PRODUCT)
        receipt = ductape.processor.job.dispatch(JOB)
        seen = [job["status"] for job in ductape.jobs.watch(receipt["job_id"])]
        assert seen[-1] == "completed"
        for job in ductape.jobs.watch(receipt["job_id"]):
            assert job["result"] == 42
            break
        with pytest.raises(NotFound):
            next(ductape.jobs.watch("01890000-0000-7000-8000-000000000000"))


def test_many_threads_share_one_open_store(store: str, handlers: Handlers) -> None:
    results: list[int] = []
    with Ductape.sync(store, handlers=handlers, worker=True) as ductape:
        ductape.products.apply(PRODUCT)

        def call(n: int) -> None:
            results.append(ductape.processor.job.schedule({**JOB, "input": {"n": n}}, timeout=10))

        threads = [threading.Thread(target=call, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(results) == [n * 2 for n in range(8)]


def test_an_error_is_raised_where_the_call_was_made(store: str, handlers: Handlers) -> None:
    with (
        Ductape.sync(store, handlers=handlers, worker=True) as ductape,
        pytest.raises(ValidationError) as caught,
    ):
        ductape.processor.job.dispatch({**JOB, "retries": -1})
    assert "retries" in {each["path"] for each in caught.value.errors}


def test_after_closing_a_call_says_how_to_open_again(store: str, handlers: Handlers) -> None:
    with Ductape.sync(store, handlers=handlers, worker=True) as ductape:
        pass
    with pytest.raises(DuctapeError, match="not open"):
        ductape.jobs.list()


def test_a_transaction_is_a_plain_block(store: str, handlers: Handlers) -> None:
    with Ductape.sync(store, handlers=handlers, worker=True) as ductape:
        ductape.products.apply(PRODUCT)
        with ductape.transaction() as tx:
            tx.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
            receipt = ductape.processor.job.dispatch(JOB, transaction=tx)
        assert ductape.processor.job.wait(receipt["job_id"], timeout=10) == 42
        with pytest.raises(ZeroDivisionError):
            _insert_and_fail(ductape)
        with ductape.transaction() as tx:
            assert tx.execute("SELECT count(*) FROM orders") == [(0,)]


def test_a_call_that_would_wait_for_its_own_block_is_refused(
    tmp_path: Path, handlers: Handlers
) -> None:
    with Ductape.sync(f"sqlite:///{tmp_path}/a.db", handlers=handlers, worker=True) as ductape:
        ductape.products.apply(PRODUCT)
        with (
            ductape.transaction(),
            pytest.raises(ValidationError, match="would wait for the end of the block"),
        ):
            ductape.processor.job.dispatch(JOB)
        ductape.processor.job.dispatch(JOB)


def test_what_another_thread_stores_beside_a_block_is_kept(store: str, handlers: Handlers) -> None:
    with Ductape.sync(store, handlers=handlers, worker=True) as ductape:
        ductape.products.apply(PRODUCT)
        with ductape.transaction() as tx:
            other = threading.Thread(target=ductape.processor.job.dispatch, args=(JOB,))
            other.start()
            tx.execute("CREATE TABLE orders (id INTEGER)")
        other.join()
        assert len(ductape.jobs.list()) == 1


def _insert_and_fail(ductape: BlockingDuctape) -> None:
    with ductape.transaction() as tx:
        tx.execute("INSERT INTO orders VALUES (1)")
        _ = 1 / 0


def _ask(ductape: BlockingDuctape, answer: Connection) -> None:
    try:
        ductape.processor.job.dispatch(JOB)
    except DuctapeError as error:
        answer.send(str(error))
    ductape.close()
    answer.send("closed")


def test_a_forked_process_is_told_to_open_its_own(store: str, handlers: Handlers) -> None:
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    with Ductape.sync(store, handlers=handlers, worker=True) as ductape:
        ductape.products.apply(PRODUCT)
        child = fork.Process(target=_ask, args=(ductape, theirs))
        child.start()
        try:
            assert ours.poll(10)
            assert "forked" in ours.recv()
            assert ours.poll(10)
            assert ours.recv() == "closed"
        finally:
            child.kill()
            child.join()
        assert ductape.processor.job.schedule(JOB, timeout=10) == 42


def test_what_is_open_is_not_opened_again(store: str, handlers: Handlers) -> None:
    with (
        Ductape.sync(store, handlers=handlers, worker=False) as ductape,
        pytest.raises(DuctapeError, match="open already"),
    ):
        ductape.__enter__()


async def test_what_is_open_is_not_opened_again_on_a_loop(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        with pytest.raises(DuctapeError, match="open already"):
            await ductape.__aenter__()
        await ductape.products.apply(PRODUCT)
    async with ductape:
        assert [one["tag"] for one in await ductape.products.list()] == ["shop"]


def test_an_async_function_is_told_that_it_cannot_block_its_own_loop(store: str) -> None:
    handlers = Handlers()
    asked: list[BlockingDuctape] = []

    @handlers.job("double")
    async def double() -> str:
        for block in (asked[0].jobs.list, asked[0].close):
            with pytest.raises(DuctapeError, match="event loop") as caught:
                block()
            assert "def" in str(caught.value.hint)
        return "told"

    with Ductape.sync(store, handlers=handlers, worker=True) as ductape:
        asked.append(ductape)
        ductape.products.apply(PRODUCT)
        assert ductape.processor.job.schedule(JOB, timeout=10) == "told"
        assert len(ductape.jobs.list()) == 1


def test_whoever_closes_it_too_waits_for_the_end(store: str) -> None:
    begun, let_go = threading.Event(), threading.Event()
    handlers = Handlers()

    @handlers.job("double")
    def double() -> str:
        begun.set()
        let_go.wait(10)
        return "done"

    with Ductape.sync(store, handlers=handlers, worker=True) as ductape:
        ductape.products.apply(PRODUCT)
        receipt = ductape.processor.job.dispatch(JOB)
        begun.wait(10)
        closing = [threading.Thread(target=ductape.close) for _ in range(2)]
        for thread in closing:
            thread.start()
        closing[0].join(0.2)
        closing[1].join(0.2)
        assert [thread.is_alive() for thread in closing] == [True, True]
        let_go.set()
        for thread in closing:
            thread.join()
    with Ductape.sync(store, worker=False) as ductape:
        assert ductape.jobs.get(receipt["job_id"])["status"] == "completed"


def test_it_may_be_looked_at_as_any_object(store: str) -> None:
    closed = Ductape.sync(store, worker=False)
    assert not hasattr(closed, "__deepcopy__")
    assert not hasattr(closed, "_repr_html_")
    assert "jobs" not in dir(closed)
    with closed as ductape:
        assert copy.copy(ductape.jobs).list() == []
        assert {"jobs", "processor", "transaction", "close"} <= set(dir(ductape))
        assert {"cancel", "list", "watch"} <= set(dir(ductape.jobs))
        assert not hasattr(ductape.jobs, "nothing")
