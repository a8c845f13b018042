"""A turn on PostgreSQL waits for nobody in a circle."""

import asyncio
from pathlib import Path

import psycopg
import pytest

from ductape.errors import StoreError
from ductape.stores.postgres.limits.gates import hold_gates
from ductape.stores.postgres.server.address import address_of
from ductape.stores.postgres.server.patience import Watch
from ductape.stores.postgres.server.transaction import Transaction
from ductape.stores.postgres.store import PostgresStore
from tests.builders import LEASE_MS, NOW_MS, a_new_job, a_spec, a_wish
from tests.conformance.steps import claimed, hired, stored
from tests.postgres.impatient import open_impatient
from tests.servers.proxy import Proxy

PATIENCE_S = 5


@pytest.mark.parametrize(("late_ms", "leased"), [(0, True), (LEASE_MS + 1, False)])
async def test_a_turn_does_not_wait_for_whoever_has_its_lease_in_hand(
    store: PostgresStore, root: psycopg.Connection, url: str, *, late_ms: int, leased: bool
) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job())
    workers = f"{address_of(url).schema}.workers"
    with root.transaction():
        root.execute(f"SELECT FROM {workers} FOR UPDATE".encode())
        async with asyncio.timeout(PATIENCE_S):
            turn = await store.claims.turn(a_wish("w1"), [], now_ms=NOW_MS + late_ms)
    assert (turn.leased, len(turn.claims)) == (leased, int(leased))


@pytest.mark.parametrize(
    "holding",
    ["UPDATE {}.gates SET used_at = used_at + 1", "SELECT FROM {}.gates FOR UPDATE"],
    ids=["settling", "claiming"],
)
async def test_a_turn_does_not_wait_for_a_gate_in_anothers_hands(
    store: PostgresStore, root: psycopg.Connection, url: str, holding: str
) -> None:
    await hired(store, "w1", "w2")
    key = a_spec(concurrency_key="k", concurrency_limit=2)
    await stored(store, a_new_job(key))
    assert len(await claimed(store)) == 1
    await stored(store, a_new_job(key), a_new_job())
    with root.transaction():
        root.execute(holding.format(address_of(url).schema).encode())
        async with asyncio.timeout(PATIENCE_S):
            turn = await store.claims.turn(a_wish("w2"), [], now_ms=NOW_MS)
    assert [claim.run.spec.concurrency_key for claim in turn.claims] == [None]
    assert turn.busy


async def test_what_is_claimed_is_told_although_a_gate_cannot_be_made(
    store: PostgresStore, root: psycopg.Connection, url: str
) -> None:
    await hired(store, "w1")
    await stored(store, a_new_job(a_spec(concurrency_key="k", concurrency_limit=1)), a_new_job())
    with root.transaction(force_rollback=True):
        root.execute("SELECT set_config('search_path', %s, true)", [address_of(url).schema])
        root.execute(
            "INSERT INTO gates (flow, used_at) SELECT flow, 1 FROM runs WHERE concurrency = 1"
        )
        async with asyncio.timeout(PATIENCE_S):
            turn = await store.claims.turn(a_wish(), [], now_ms=NOW_MS)
    assert [claim.run.spec.concurrency_key for claim in turn.claims] == [None]
    assert turn.busy
    assert [one.run.spec.concurrency_key for one in await claimed(store)] == ["k"]


async def test_a_run_that_waits_alone_is_claimed_though_the_server_s_answers_wait(
    far: PostgresStore, line: Proxy, url: str, root: psycopg.Connection
) -> None:
    await hired(far, "w1")
    await stored(far, a_new_job())
    line.swallow_answers()
    turn = asyncio.create_task(far.claims.turn(a_wish("w1"), [], now_ms=NOW_MS))
    running = "SELECT worker FROM {}.runs WHERE state = 'running'"
    async with asyncio.timeout(PATIENCE_S):
        while root.execute(running.format(address_of(url).schema).encode()).fetchall() != [("w1",)]:  # noqa: ASYNC110 (another process's)
            await asyncio.sleep(0.01)
    line.cut()
    with pytest.raises(StoreError):
        await turn
    [claim] = await far.claims.claimed("w1", at_ms=NOW_MS)
    assert claim.run.state == "running"


@pytest.mark.parametrize(("due_ms", "told"), [(NOW_MS + 20, 1), (NOW_MS, 0)])
async def test_a_run_that_is_claimed_before_its_instant_is_foreseen(
    store: PostgresStore, due_ms: int, told: int
) -> None:
    foreseen: list[None] = []
    store.claims.foresees = lambda: foreseen.append(None)
    await hired(store, "w1")
    await stored(store, a_new_job(due_ms=due_ms))
    turn = await store.claims.turn(a_wish(ahead_ms=30), [], now_ms=NOW_MS)
    assert (len(turn.claims), len(foreseen)) == (1, told)


@pytest.mark.parametrize("piped", [False, True])
async def test_who_falls_silent_in_a_transaction_lets_go_of_what_it_holds(
    url: str, monkeypatch: pytest.MonkeyPatch, *, piped: bool
) -> None:
    store = await open_impatient(url, monkeypatch, silence_ms=200)
    silent, thawed = asyncio.Event(), asyncio.Event()
    begun: list[int] = []

    async def freezes(transaction: Transaction) -> None:
        begun.append(1)
        await hold_gates(transaction, ["shop"], NOW_MS)
        await (await transaction.ask("runs", "next_due")).rows()
        silent.set()
        await thawed.wait()

    begin = store._engine.piped if piped else store._engine.write
    frozen = asyncio.create_task(begin(freezes))
    await silent.wait()
    async with asyncio.timeout(PATIENCE_S):
        await store._engine.write(lambda t: hold_gates(t, ["shop"], NOW_MS))
    thawed.set()
    await frozen  # its first try is undone, whatever it held
    assert len(begun) > 1
    await store.aclose()


def freeze_until_gone(pid: int) -> None:
    """Let nothing of this process go on until a server process is gone, and its end of the line."""
    while Path(f"/proc/{pid}").exists():
        pass


@pytest.mark.parametrize("way", ["write", "piped"])
async def test_who_learns_only_from_its_commit_that_it_was_silent_runs_its_transaction_again(
    url: str, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(Watch, "silent_ms", lambda _: 0)
    store = await open_impatient(url, monkeypatch, silence_ms=200)
    begun: list[int] = []

    async def freezes(transaction: Transaction) -> None:
        begun.append(transaction.line.connection.info.backend_pid)
        await (await transaction.ask("runs", "next_due")).rows()
        if len(begun) == 1:
            freeze_until_gone(begun[0])

    async with asyncio.timeout(PATIENCE_S):
        await getattr(store._engine, way)(freezes)
    assert len(begun) > 1
    await store.aclose()


async def test_a_lent_transaction_may_be_silent(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await open_impatient(url, monkeypatch, silence_ms=200)
    async with store._engine.lend() as connection:
        cursor = await connection.execute("SHOW idle_in_transaction_session_timeout")
        assert await cursor.fetchone() == ("0",)
    await store.aclose()
