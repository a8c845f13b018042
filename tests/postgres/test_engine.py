"""What stands between a caller and PostgreSQL: transactions run again, connections come back."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import psycopg
import pytest

from ductape.domain.job import Claim
from ductape.domain.outcome import Success
from ductape.errors import StoreError
from ductape.stores.postgres.rows.values import by_column, run_row
from ductape.stores.postgres.server import engine, patience
from ductape.stores.postgres.server.engine import MOST_CONNECTIONS, MOST_TRIES
from ductape.stores.postgres.server.faults import explain
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.store import PostgresStore, open_postgres
from tests.builders import LEASE_MS, NOW_MS, a_new_job, a_run, a_spec, a_wish, a_worker, decide
from tests.postgres.impatient import open_impatient
from tests.servers.postgres import PostgresServer, postgres_server
from tests.servers.proxy import Proxy

PATIENCE_S = 20
Step = Callable[[Transaction], Awaitable[str]]


def failing(times: int, code: str) -> tuple[Step, list[int]]:
    """Make a step that PostgreSQL undoes some times, and what counts its runs."""
    runs: list[int] = []

    async def step(transaction: Transaction) -> str:
        runs.append(1)
        if len(runs) <= times:
            raising = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"
            await transaction.line.change(raising.encode(), {})
        return "done"

    return step, runs


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_a_transaction_undone_because_of_another_is_run_again(
    store: PostgresStore, code: str
) -> None:
    step, runs = failing(3, code)
    assert await store._engine.write(step) == "done"
    assert len(runs) == 4


async def test_a_transaction_undone_again_and_again_is_given_up(store: PostgresStore) -> None:
    step, runs = failing(MOST_TRIES, "40001")
    with pytest.raises(StoreError, match="undone again and again"):
        await store._engine.write(step)
    assert len(runs) == MOST_TRIES - 1


async def test_another_error_is_told_at_once(store: PostgresStore) -> None:
    step, runs = failing(1, "53100")
    with pytest.raises(StoreError, match="the server's disk is full: no"):
        await store._engine.write(step)
    assert len(runs) == 1


async def test_connections_that_were_cut_are_replaced_unnoticed(
    store: PostgresStore, root: psycopg.Connection
) -> None:
    await asyncio.gather(*(store.products.version("a") for _ in range(2 * MOST_CONNECTIONS)))
    root.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ductape'"
    )
    jobs = [a_new_job(a_spec(key=f"k{at}")) for at in range(2 * MOST_CONNECTIONS)]
    added = await asyncio.gather(*(store.intake.add([job], now_ms=NOW_MS) for job in jobs))
    assert [answer.verdict for [answer] in added] == ["added"] * len(jobs)


@pytest.mark.parametrize("way", ["write", "read", "piped"])
async def test_a_transaction_whose_connection_is_cut_before_its_commit_is_run_again(
    store: PostgresStore, root: psycopg.Connection, way: str
) -> None:
    begun: list[int] = []

    async def step(transaction: Transaction) -> bool:
        connection = transaction.line.connection
        begun.append(connection.info.backend_pid)
        await transaction.rows("products", "tags")
        if len(begun) == 1:
            # As the server does where a process of ours is frozen in the middle of a transaction.
            root.execute("SELECT pg_terminate_backend(%s, 5000)", (begun[0],))
        await transaction.rows("products", "tags")
        return True

    assert await getattr(store._engine, way)(step)
    assert len(set(begun)) == 2


@pytest.mark.parametrize("way", ["write", "read", "piped"])
async def test_a_process_that_was_frozen_before_its_commit_runs_its_transaction_again(
    url: str, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    store = await open_impatient(url, monkeypatch, silence_ms=200)
    begun: list[int] = []

    async def step(transaction: Transaction) -> bool:
        begun.append(1)
        await transaction.rows("products", "tags")
        if len(begun) == 1:
            time.sleep(0.5)  # noqa: ASYNC251 (nothing of the process goes on meanwhile)
        return True

    assert await getattr(store._engine, way)(step)
    assert len(begun) > 1
    await store.aclose()


async def test_a_caller_cancelled_as_a_connection_comes_free_is_cancelled(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MOST_CONNECTIONS", 1)
    store = await open_postgres(url, decide=decide, token="t")
    begun, release, ran = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hold(_: Transaction) -> None:
        begun.set()
        await release.wait()

    async def run(_: Transaction) -> None:
        ran.set()

    first = asyncio.create_task(store._engine.write(hold))
    await begun.wait()
    second = asyncio.create_task(store._engine.write(run))
    await asyncio.sleep(0.05)  # until it waits in the pool, which gives no sign of it
    release.set()
    await first  # its connection goes to the second, who is cancelled before he takes it
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert not ran.is_set()
    await store.aclose()


async def test_a_job_whose_commit_nobody_heard_of_is_not_stored_again(
    store: PostgresStore, server: PostgresServer, url: str
) -> None:
    proxy = Proxy(server.port)
    await proxy.open()
    far = await open_postgres(
        url.replace(f":{server.port}", f":{proxy.port}"), decide=decide, token="far"
    )
    await far.products.version("warm")
    await store.fleet.register(a_worker(), now_ms=NOW_MS, lease_ms=LEASE_MS)
    job = a_new_job()
    proxy.swallow_answers()
    adding = asyncio.create_task(far.intake.add([job], now_ms=NOW_MS))
    claimed = await until_claimed(store)
    await store.claims.settle([decide(claimed, Success(1), NOW_MS)], now_ms=NOW_MS)
    proxy.cut()
    [answer] = await adding
    assert answer.verdict == "added"
    record = await store.reading.get(job.job_id)
    assert record is not None
    assert record.live is None
    await far.aclose()
    await proxy.aclose()


async def until_claimed(store: PostgresStore) -> Claim:
    """Claim the first run that turns up."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            turn = await store.claims.turn(a_wish(), (), now_ms=NOW_MS)
            if turn.claims:
                return turn.claims[0]


async def test_a_heartbeat_whose_connection_was_cut_beats_on(
    store: PostgresStore, root: psycopg.Connection
) -> None:
    await store.fleet.register(a_worker(), now_ms=NOW_MS, lease_ms=LEASE_MS)
    pulse = store.fleet.pulse()
    assert pulse.beat("w1", now_ms=NOW_MS, lease_ms=LEASE_MS)
    root.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ductape'"
    )
    with pytest.raises(StoreError):
        pulse.beat("w1", now_ms=NOW_MS, lease_ms=LEASE_MS)
    assert pulse.beat("w1", now_ms=NOW_MS, lease_ms=LEASE_MS)
    pulse.close()


async def test_a_store_outlives_a_restart_of_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PATIENCE_S", 0.2)
    with postgres_server() as server:
        store = await open_postgres(server.url, decide=decide, token="t")
        job = a_new_job()
        await store.intake.add([job], now_ms=NOW_MS)
        server.stop(at_once=True)
        with pytest.raises(StoreError, match="out of reach"):
            await store.intake.add([a_new_job()], now_ms=NOW_MS)
        server.start()
        monkeypatch.setattr(store._engine._pool, "timeout", PATIENCE_S)
        assert await store.reading.get(job.job_id) is not None
        await store.aclose()


async def test_whoever_waits_alone_for_a_server_is_served_once_it_is_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "RECONNECT_S", 0.01)
    with postgres_server() as server:
        store = await open_postgres(server.url, decide=decide, token="t")
        await store.intake.add([a_new_job()], now_ms=NOW_MS)
        server.stop(at_once=True)
        alone = asyncio.create_task(store.intake.add([a_new_job()], now_ms=NOW_MS))
        async with asyncio.timeout(PATIENCE_S):
            while "reconnection attempt" not in caplog.text:  # noqa: ASYNC110 (the pool tells its log only)
                await asyncio.sleep(0.01)
            server.start()
            [answer] = await alone
        assert answer.verdict == "added"
        await store.aclose()


async def test_a_closed_store_says_so(store: PostgresStore) -> None:
    await store.aclose()
    with pytest.raises(StoreError, match="the store is closed"):
        await store.products.tags()


async def test_of_a_shared_commit_that_fails_each_caller_gets_its_own_answer(
    store: PostgresStore,
) -> None:
    taken = a_new_job()
    await store.intake.add([taken], now_ms=NOW_MS)
    jobs = [*(a_new_job() for _ in range(9)), taken, *(a_new_job() for _ in range(9))]
    answers = await asyncio.gather(
        *(store.intake.add([job], now_ms=NOW_MS) for job in jobs), return_exceptions=True
    )
    assert [at for at, one in enumerate(answers) if isinstance(one, Exception)] == [9]
    assert isinstance(answers[9], StoreError)


def test_what_is_no_error_of_postgresql_is_left_as_it_is() -> None:
    error = ValueError("ours")
    assert explain(error, "x") is error


@pytest.fixture
async def proxy(server: PostgresServer) -> AsyncIterator[Proxy]:
    """Give a line to the server that can go bad; whoever is at its end has a second's patience."""
    made = Proxy(server.port)
    await made.open()
    yield made
    await made.aclose()


@pytest.fixture
async def far(
    proxy: Proxy, server: PostgresServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PostgresStore]:
    """Give a store behind the line."""
    monkeypatch.setattr(patience, "ANSWER_S", 0.4)
    monkeypatch.setattr(patience, "LAST_LOOK_S", 0.1)
    monkeypatch.setattr(engine, "PATIENCE_S", 3.0)
    address = url.replace(f":{server.port}", f":{proxy.port}") + "&connect_timeout=2"
    opened = await open_postgres(address, decide=decide, token="far")
    await opened.products.version("warm")
    yield opened
    await opened.aclose()


async def test_a_dispatch_to_a_server_that_never_answers_ends_and_says_what_is_open(
    far: PostgresStore, store: PostgresStore, proxy: Proxy
) -> None:
    proxy.swallow_answers()
    job = a_new_job()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(StoreError, match="may be there or not") as raised:
            await far.intake.add([job], now_ms=NOW_MS)
    assert "under the same `key`" in str(raised.value.hint)
    # It was stored, as its caller was told it might be.
    assert await store.reading.get(job.job_id) is not None


async def test_a_dispatch_repeated_under_its_key_after_a_lost_answer_stores_no_second_job(
    far: PostgresStore, store: PostgresStore, proxy: Proxy
) -> None:
    jobs = [a_new_job(a_spec(key="once")) for _ in range(2)]
    proxy.swallow_answers()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(StoreError, match="nothing was changed"):
            await far.intake.add([jobs[0]], now_ms=NOW_MS)
        [answer] = await far.intake.add([jobs[1]], now_ms=NOW_MS)
    assert answer.verdict == "added"
    assert await store.reading.get(jobs[0].job_id) is None


async def test_everybody_who_shares_a_commit_that_is_never_answered_is_told(
    far: PostgresStore, proxy: Proxy
) -> None:
    proxy.pause()
    adding = [far.intake.add([a_new_job()], now_ms=NOW_MS) for _ in range(50)]
    async with asyncio.timeout(PATIENCE_S):
        told = await asyncio.gather(*adding, return_exceptions=True)
    assert {type(one) for one in told} == {StoreError}
    assert any("does not answer" in str(one) for one in told)
    proxy.resume()


async def test_who_only_reads_is_not_told_of_a_change(far: PostgresStore, proxy: Proxy) -> None:
    proxy.swallow_answers()
    said = await complaint(far.products.version("a"))
    assert "does not answer" in said
    assert "nothing was changed" in said


async def test_whatever_is_asked_of_a_server_that_never_answers_ends(
    far: PostgresStore, proxy: Proxy
) -> None:
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "get": lambda: far.reading.get(a_new_job().job_id),
        "version": lambda: far.products.version("a"),
        "turn": lambda: far.claims.turn(a_wish(), (), now_ms=NOW_MS),
        "many": lambda: far.intake.add([a_new_job(), a_new_job()], now_ms=NOW_MS),
        "register": lambda: far.fleet.register(a_worker(), now_ms=NOW_MS, lease_ms=LEASE_MS),
        "lend": lambda: lent(far),
    }
    for name, call in asked.items():
        await until_it_answers(far)
        proxy.pause()
        async with asyncio.timeout(PATIENCE_S):
            message = await complaint(call())
        assert re.search("does not answer|out of reach", message), (name, message)
        proxy.resume()


async def until_it_answers(store: PostgresStore) -> None:
    """Ask until the pool has found its way: a line on which it was connecting may be dead, too."""
    async with asyncio.timeout(PATIENCE_S):
        while await complaint(store.products.version("warm")) != "answered None":
            pass


async def complaint(call: Awaitable[object]) -> str:
    try:
        return f"answered {await call}"
    except StoreError as error:
        return error.message


async def lent(store: PostgresStore) -> None:
    async with store.transactions.lend() as connection:
        await connection.execute("SELECT 1")


async def test_a_heartbeat_that_is_never_answered_ends_and_beats_on(
    far: PostgresStore, proxy: Proxy
) -> None:
    await far.fleet.register(a_worker(), now_ms=NOW_MS, lease_ms=LEASE_MS)
    pulse = far.fleet.pulse()
    beat = partial(asyncio.to_thread, pulse.beat, "w1", now_ms=NOW_MS, lease_ms=LEASE_MS)
    assert await beat()
    proxy.swallow_answers()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(StoreError):
            await beat()
    assert await beat()
    pulse.close()


async def test_a_slow_answer_is_waited_for_and_a_slow_caller_is_none(
    far: PostgresStore,
) -> None:
    async def slow(transaction: Transaction) -> None:
        for _ in range(4):
            await transaction.line.rows(b"SELECT pg_sleep(0.3)", {})

    await far._engine.write(slow)
    await far._engine.read(lambda t: t.line.rows(b"SELECT pg_sleep(0.8)", {}), unhurried=True)
    with pytest.raises(StoreError, match="nothing was changed"):
        await far._engine.read(lambda t: t.line.rows(b"SELECT pg_sleep(0.8)", {}))


async def test_an_answer_that_waits_before_a_stuck_event_loop_counts(far: PostgresStore) -> None:
    asked = asyncio.create_task(far._engine.single(lambda t: t.rows("clock", "now")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    time.sleep(1.0)  # noqa: ASYNC251 (a handler that blocks the loop)
    assert await asked


@pytest.mark.parametrize("piped", [False, True])
async def test_what_was_cut_while_it_was_committed_is_told_to_be_open(
    far: PostgresStore, store: PostgresStore, proxy: Proxy, *, piped: bool
) -> None:
    run = a_run()

    async def step(transaction: Transaction) -> None:
        await transaction.ask("runs", "insert_all", by_column([run_row(run, NOW_MS)]))
        proxy.swallow_answers()

    begin = far._engine.piped if piped else far._engine.write
    writing = asyncio.create_task(begin(step))
    async with asyncio.timeout(PATIENCE_S):
        while await store.reading.get(run.job_id) is None:  # noqa: ASYNC110 (another's)
            await asyncio.sleep(0)
        proxy.cut()
        with pytest.raises(StoreError, match="may be there or not") as raised:
            await writing
    assert raised.value.hint == "look whether it was done before the call is made again"
