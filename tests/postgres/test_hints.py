"""Hints between processes that share a PostgreSQL: named jobs, interruptions, deaf poolers."""

import asyncio
from collections.abc import AsyncIterator, Collection

import psycopg
import pytest

from ductape.errors import StoreError
from ductape.ports.wake import Hint
from ductape.stores.postgres.server import wake
from ductape.stores.postgres.server.address import address_of
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.wake import MOST_JOBS, PostgresWake
from ductape.stores.postgres.store import PostgresStore, open_postgres
from tests.builders import decide

Heard = asyncio.Queue[tuple[Hint, Collection[str]]]
PATIENCE_S = 20


def heard_by(wake: PostgresWake) -> Heard:
    """Collect what a process hears."""
    heard: Heard = asyncio.Queue()
    wake.listen(lambda hint, jobs: heard.put_nowait((hint, jobs)))
    return heard


async def next_of(heard: Heard) -> tuple[Hint, Collection[str]]:
    async with asyncio.timeout(PATIENCE_S):
        return await heard.get()


@pytest.fixture
async def other(url: str, store: PostgresStore) -> AsyncIterator[PostgresStore]:
    """Give another process's store at the same place."""
    assert store is not None
    opened = await open_postgres(url, decide=decide, token="there")
    yield opened
    await opened.aclose()


async def test_a_hint_names_its_jobs_to_everybody(
    store: PostgresStore, other: PostgresStore
) -> None:
    here, there = heard_by(store.wake), heard_by(other.wake)
    store.wake.tell("settled", ["a"])
    store.wake.tell("settled", ["b"])
    assert [await next_of(here), await next_of(here)] == [("settled", ["a"]), ("settled", ["b"])]
    assert await next_of(there) == ("settled", ["a", "b"])
    assert here.empty()


async def test_a_hint_about_any_job_stays_one(store: PostgresStore, other: PostgresStore) -> None:
    there = heard_by(other.wake)
    store.wake.tell("settled", ["a"])
    store.wake.tell("settled")
    assert await next_of(there) == ("settled", [])


async def test_a_hint_about_very_many_jobs_is_about_any(
    store: PostgresStore, other: PostgresStore
) -> None:
    there = heard_by(other.wake)
    store.wake.tell("settled", [str(at) for at in range(MOST_JOBS + 1)])
    assert await next_of(there) == ("settled", [])


async def test_as_many_jobs_as_are_named_fit_a_message(
    store: PostgresStore, other: PostgresStore
) -> None:
    there = heard_by(other.wake)
    jobs = [f"{at:036d}" for at in range(MOST_JOBS)]
    store.wake.tell("settled", jobs)
    assert await next_of(there) == ("settled", jobs)


async def test_a_hint_whose_way_was_cut_is_told_once_more(
    store: PostgresStore, other: PostgresStore, root: psycopg.Connection
) -> None:
    there = heard_by(other.wake)
    store.wake.tell("settled", ["a"])
    assert await next_of(there) == ("settled", ["a"])
    root.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE query LIKE 'SELECT pg_notify%' AND pid <> pg_backend_pid()"
    )
    store.wake.tell("settled", ["b"])
    assert await next_of(there) == ("settled", ["b"])


async def test_what_cannot_be_told_for_hours_does_not_pile_up(
    store: PostgresStore, other: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake, "RECONNECT_S", 0.01)
    there = heard_by(other.wake)
    send, tries = store.wake._send_one, asyncio.Semaphore(0)

    async def refused(_: str) -> None:
        tries.release()
        raise StoreError("too many connections")

    monkeypatch.setattr(store.wake, "_send_one", refused)
    for at in range(2 * MOST_JOBS):
        store.wake.tell("settled", [str(at)])
        if at % MOST_JOBS == 0:
            await tries.acquire()
    assert store.wake._pending == {"settled": None}
    monkeypatch.setattr(store.wake, "_send_one", send)
    assert await next_of(there) == ("settled", [])


async def test_after_an_interruption_everybody_looks_and_hints_go_on(
    store: PostgresStore,
    other: PostgresStore,
    root: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wake, "RECONNECT_S", 0.01)
    there = heard_by(other.wake)
    root.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
    )
    assert [(await next_of(there))[0] for _ in wake.ALL] == list(wake.ALL)
    # Nobody tells when the connection listens again: tell until a hint gets through.
    while there.empty():
        store.wake.tell("control")
        await asyncio.sleep(0.01)
    assert (await next_of(there))[0] == "control"


async def test_who_waits_for_an_end_looks_although_nobody_told(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake, "UNTOLD_S", 0.01)
    lonely = PostgresWake(store._engine, token="lonely")
    heard = heard_by(lonely)
    await lonely.open()
    assert [await next_of(heard), await next_of(heard)] == [("settled", ()), ("control", ())]
    await lonely.aclose()


async def test_what_was_told_last_is_sent_before_the_close(
    store: PostgresStore, other: PostgresStore
) -> None:
    there = heard_by(other.wake)
    store.wake.tell("work")
    await store.aclose()
    assert (await next_of(there))[0] == "work"


async def test_another_schema_hears_nothing(store: PostgresStore, url: str) -> None:
    far = await open_postgres(f"{url}_far", decide=decide, token="far")
    heard = heard_by(far.wake)
    store.wake.tell("work")
    far.wake.tell("control")
    assert await next_of(heard) == ("control", ())
    assert heard.empty()
    await far.aclose()


async def test_where_no_hint_passes_the_pooler_everybody_looks_now_and_then(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wake, "PROBE_S", 0.05)
    monkeypatch.setattr(wake, "POLL_S", 0.01)
    engine = Engine(address_of(url), pooled=True)
    deaf = PostgresWake(engine, token="deaf")
    heard = heard_by(deaf)
    await deaf.open()
    deaf._channel = "elsewhere"
    assert [(await next_of(heard))[0] for _ in wake.ALL] == list(wake.ALL)
    assert caplog.text.count("no hints pass the pooler") == 1
    await deaf.aclose()
    await engine.aclose()


async def test_where_hints_pass_the_pooler_nobody_polls(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wake, "PROBE_S", PATIENCE_S)
    engine = Engine(address_of(url), pooled=True)
    hearing = PostgresWake(engine, token="hearing")
    await hearing.open()
    async with asyncio.timeout(PATIENCE_S):
        await hearing._heard.wait()
        await asyncio.wait([task for task in hearing._tasks if task.get_name() == "ductape-poll"])
    assert caplog.text == ""
    await hearing.aclose()
    await engine.aclose()
