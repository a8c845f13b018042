"""Bad surroundings in mid-flight: each call says what is wrong, and nothing stored is lost."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, contextmanager

import psycopg
import pytest

from ductape import Ductape, Handlers
from ductape.errors import StoreError
from ductape.ports.stores.intake import NewJob
from ductape.stores.postgres.schema.migrating import migrate
from ductape.stores.postgres.server import engine, locks
from ductape.stores.postgres.server.address import address_of
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.store import PostgresStore, open_postgres
from tests.builders import LEASE_MS, NOW_MS, a_new_job, a_spec, a_worker, decide
from tests.servers.postgres import PostgresServer, postgres_server

KEY = "k1:" + "A" * 43
PATIENCE_S = 20
PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": "add", "handler": "python"}],
}
REQUEST = {"product_tag": "shop", "env": "dev", "event": "add", "start_at": 0}
MIB = 1 << 20


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no connection and for no lock longer than a moment."""
    monkeypatch.setattr(engine, "PATIENCE_S", 0.5)
    monkeypatch.setattr(locks, "PATIENCE_MS", 200)


@pytest.fixture
async def hasty(impatient: None, url: str) -> AsyncIterator[PostgresStore]:  # noqa: ARG001 (used)
    opened = await open_postgres(url, decide=decide, token="here")
    yield opened
    await opened.aclose()


@contextmanager
def locked(url: str, table: str) -> Iterator[int]:
    """Hold a table as a migration does; give the process that holds it."""
    address = address_of(url)
    with psycopg.connect(address.conninfo, application_name="a migration") as link:
        link.execute(f"LOCK TABLE {address.schema}.{table} IN ACCESS EXCLUSIVE MODE".encode())
        yield link.info.backend_pid
        link.rollback()


async def added(store: PostgresStore) -> str:
    job = a_new_job()
    await store.intake.add([job], now_ms=NOW_MS)
    return job.job_id


# A lock held by somebody's migration.


async def test_who_holds_a_lock_is_told_after_a_bounded_wait(
    hasty: PostgresStore, url: str
) -> None:
    with locked(url, "runs") as pid:
        with pytest.raises(StoreError) as caught:
            await added(hasty)
        assert f"table runs: process {pid} of user postgres (a migration)" in caught.value.message
        assert str(pid) in (caught.value.hint or "")
    assert await hasty.reading.get(await added(hasty)) is not None


async def test_a_hundred_callers_before_a_lock_do_not_wait_one_after_another(
    hasty: PostgresStore, url: str
) -> None:
    with locked(url, "runs"):
        async with asyncio.timeout(5):
            answers = await asyncio.gather(
                *(added(hasty) for _ in range(100)), return_exceptions=True
            )
    assert all(isinstance(one, StoreError) and "a lock is held" in str(one) for one in answers)


async def test_the_doctor_does_not_hang_before_a_lock(hasty: PostgresStore, url: str) -> None:
    with locked(url, "runs"), pytest.raises(StoreError, match="table runs: process"):
        await hasty.inspecting.facts(now_ms=NOW_MS)


async def test_the_doctor_tells_of_a_lock_that_it_can_look_past(
    hasty: PostgresStore, url: str
) -> None:
    address = address_of(url)
    with psycopg.connect(address.conninfo) as link:
        link.execute(f"LOCK TABLE {address.schema}.runs IN EXCLUSIVE MODE".encode())
        facts = await hasty.inspecting.facts(now_ms=NOW_MS)
        [holder] = facts.engine.holders  # pyright: ignore[reportAttributeAccessIssue] (a server's)
        assert (holder.pid, holder.table) == (link.info.backend_pid, "runs")


async def test_a_heartbeat_before_a_lock_gives_up_in_time_and_beats_on(
    hasty: PostgresStore, url: str
) -> None:
    await hasty.fleet.register(a_worker(), now_ms=NOW_MS, lease_ms=LEASE_MS)
    pulse = hasty.fleet.pulse()
    with locked(url, "workers"), pytest.raises(StoreError, match="a lock is held"):
        await asyncio.to_thread(pulse.beat, "w1", now_ms=NOW_MS, lease_ms=LEASE_MS)
    assert pulse.beat("w1", now_ms=NOW_MS, lease_ms=LEASE_MS)
    pulse.close()


@pytest.mark.usefixtures("impatient")
async def test_opening_before_a_migration_that_hangs_says_who_runs_it(url: str) -> None:
    await migrate(url)
    with locked(url, "migrations") as pid, pytest.raises(StoreError, match=f"process {pid}"):
        await open_postgres(url, decide=decide, token="t")
    store = await open_postgres(url, decide=decide, token="t")
    await store.aclose()


@pytest.mark.usefixtures("impatient")
async def test_waits_are_bounded_behind_a_pooler_too(url: str) -> None:
    await migrate(url)
    pooled = Engine(address_of(url), pooled=True)
    await pooled.open()
    with locked(url, "products"):
        for call in (pooled.single, pooled.write, pooled.read):
            with pytest.raises(StoreError, match="a lock is held"):
                await call(lambda t: t.rows("products", "tags"))
    assert await pooled.single(lambda t: t.rows("products", "tags")) == []
    await pooled.aclose()


# Rights.


async def test_a_user_who_may_only_read_reads_and_is_told_the_rest(
    server: PostgresServer, root: psycopg.Connection, url: str
) -> None:
    await migrate(url)
    schema = address_of(url).schema
    root.execute("CREATE ROLE onlooker LOGIN")
    root.execute(f"GRANT USAGE ON SCHEMA {schema} TO onlooker".encode())
    root.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO onlooker".encode())
    theirs = f"postgresql://onlooker@127.0.0.1:{server.port}/postgres?schema={schema}"
    store = await open_postgres(theirs, decide=decide, token="t")
    assert await store.products.tags() == []
    facts = await store.inspecting.facts(now_ms=NOW_MS)
    assert facts.waiting == ()
    with pytest.raises(StoreError, match="the user lacks a right: permission denied"):
        await added(store)
    await store.aclose()


# Connections.


async def test_a_server_that_is_full_says_so_and_later_lets_us_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = ("max_connections=8", "superuser_reserved_connections=1", "max_wal_senders=0")
    with postgres_server(settings=small) as server:
        with psycopg.connect(server.url, autocommit=True) as root:
            root.execute("CREATE ROLE app LOGIN; GRANT CREATE ON DATABASE postgres TO app")
        url = server.url.replace("postgres@", "app@")
        store = await open_postgres(url, decide=decide, token="t")
        await added(store)  # it has a connection then
        with ExitStack() as links:
            for link in filled(url):
                links.enter_context(closing(link))
            monkeypatch.setattr(engine, "PATIENCE_S", 0.5)  # of whoever opens from here on
            with pytest.raises(StoreError, match="the server has no connection left"):
                await open_postgres(url, decide=decide, token="u")
            stored = await asyncio.gather(*(added(store) for _ in range(50)))
        again = await open_postgres(url, decide=decide, token="v")
        assert all([await again.reading.get(job_id) for job_id in stored])
        await again.aclose()
        await store.aclose()


def filled(url: str) -> list[psycopg.Connection]:
    """Take every connection that is left."""
    links: list[psycopg.Connection] = []
    while True:
        try:
            links.append(psycopg.connect(url))
        except psycopg.OperationalError:
            return links


# A full disk.


async def test_a_full_disk_refuses_what_does_not_fit_and_keeps_the_rest() -> None:
    with postgres_server() as server:
        store = await open_postgres(server.url, decide=decide, token="t")
        kept = await added(store)
        server.limit_files(str(17 * MIB))  # more than a segment of its log
        with pytest.raises(StoreError, match="the server's disk is full: could not extend"):
            await store.intake.add([a_large_job() for _ in range(60)], now_ms=NOW_MS)
        server.limit_files("unlimited")
        assert await store.reading.get(kept) is not None
        assert await store.reading.get(await added(store)) is not None
        await store.intake.add([a_large_job()], now_ms=NOW_MS)
        await store.aclose()


def a_large_job() -> NewJob:
    return a_new_job(a_spec(input={"noise": os.urandom(MIB // 2).hex()}))


# Standbys.


async def test_a_standby_is_refused_and_the_primary_is_found_among_many() -> None:
    with postgres_server() as primary, primary.standby() as standby:
        with pytest.raises(StoreError, match="the server is read-only"):
            await open_postgres(standby.url, decide=decide, token="t")
        either = f"postgresql://postgres@127.0.0.1:{standby.port},127.0.0.1:{primary.port}/postgres"
        store = await open_postgres(either, decide=decide, token="t")
        before = await added(store)
        caught_up(primary)
        primary.stop(at_once=True)
        with psycopg.connect(standby.url, autocommit=True) as link:
            link.execute("SELECT pg_promote()")
        after = await added(store)
        assert await store.reading.get(before) is not None
        assert await store.reading.get(after) is not None
        await store.aclose()


def caught_up(primary: PostgresServer) -> None:
    """Wait until the standby has all that was committed."""
    with psycopg.connect(primary.url, autocommit=True) as link:
        done = False
        while not done:
            cursor = link.execute(
                "SELECT replay_lsn >= pg_current_wal_lsn() FROM pg_stat_replication"
            )
            [(done,)] = cursor.fetchall()


# A server that dies in mid-flight.


@pytest.mark.usefixtures("impatient")
async def test_jobs_accepted_before_a_crash_of_the_server_are_all_finished_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DUCTAPE_KEY", KEY)
    handlers, release, begun = Handlers(), asyncio.Event(), asyncio.Event()

    @handlers.job("add")
    async def add(given: dict[str, int]) -> int:
        begun.set()
        await release.wait()
        return given["a"] + 1

    with postgres_server() as server:
        async with Ductape.open(
            server.url, handlers=handlers, worker=True, config={"worker": {"concurrency": 20}}
        ) as ductape:
            await ductape.products.apply(PRODUCT)
            dispatch = ductape.processor.job.dispatch
            receipts = [await dispatch({**REQUEST, "input": {"a": at}}) for at in range(50)]
            await begun.wait()
            server.stop(at_once=True)
            with pytest.raises(StoreError, match="the server is out of reach"):
                await dispatch({**REQUEST, "input": {"a": 99}})
            release.set()
            server.start()
            ids = [receipt["job_id"] for receipt in receipts]
            wait = ductape.processor.job.wait
            async with asyncio.timeout(PATIENCE_S):
                results = [await wait(job_id) for job_id in ids]
            assert results == [at + 1 for at in range(50)]
            assert len(await ductape.workers.list()) == 1
            counts = [(await ductape.jobs.history(job_id))["total_executions"] for job_id in ids]
            assert counts == [1] * 50
