"""SQLite files: only below the roots, never the store's, stopped in time (SPEC 16 and 18)."""

import asyncio
import contextlib
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest

from ductape.domain.database_place import Place
from ductape.domain.egress import EgressPolicy
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.templates.sql import Statement
from ductape.errors import ProviderError
from ductape.handlers.database import DatabaseHandler
from ductape.ports.database import Bounds, SqlWork
from ductape.providers.databases import FileRules, PooledDatabases
from ductape.providers.databases.sqlite.confined_files import confined
from ductape.providers.databases.sqlite.database import SqliteFile
from tests.databases.grounds import Ground
from tests.unit.handlers.builders import FixedClock

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


def refused(path: str, rules: FileRules) -> str:
    with pytest.raises(ProviderError) as raised:
        confined(path, rules)
    return raised.value.code


def test_a_file_below_a_root_is_found_by_either_path(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data/shop.db"
    file.touch()
    rules = FileRules((str(tmp_path),))
    assert confined("data/shop.db", rules) == str(file)
    assert confined(str(file), rules) == str(file)


@pytest.mark.parametrize("path", ["../shop.db", "a/../../shop.db", "/etc/passwd", "a\0b"])
def test_what_leads_out_is_refused(tmp_path: Path, path: str) -> None:
    assert refused(path, FileRules((str(tmp_path),))) == "FORBIDDEN"


def test_links_are_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "shop.db").touch()
    (inside / "link.db").symlink_to(outside / "shop.db")
    (inside / "folder").symlink_to(outside)
    rules = FileRules((str(inside),))
    assert refused("link.db", rules) == "FORBIDDEN"
    assert refused("folder/shop.db", rules) == "FORBIDDEN"


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert refused("shop.db", FileRules((str(tmp_path),))) == "NOT_FOUND"


def test_the_stores_own_files_are_refused_by_any_name(tmp_path: Path) -> None:
    store = tmp_path / "ductape.db"
    for name in ("ductape.db", "ductape.db-wal", "ductape.db.key"):
        (tmp_path / name).touch()
    (tmp_path / "hard.db").hardlink_to(store)
    rules = FileRules((str(tmp_path),), (str(store),))
    for name in ("ductape.db", "ductape.db-wal", "ductape.db.key", "hard.db", "./ductape.db"):
        assert refused(name, rules) == "FORBIDDEN"


async def test_a_statement_is_interrupted_when_its_time_is_up(on_sqlite: Ground) -> None:
    assert await on_sqlite.code(ENDLESS, timeout_ms=100) == "TIMEOUT"
    assert await on_sqlite.rows("SELECT 1 AS x") == [{"x": 1}]


async def test_a_statement_is_interrupted_when_it_is_cancelled(on_sqlite: Ground) -> None:
    running = asyncio.create_task(on_sqlite.act(ENDLESS))
    await on_sqlite.rows("SELECT 1 AS x")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_an_interruption_is_no_error_that_nobody_heard_of(on_sqlite: Ground) -> None:
    unheard: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await on_sqlite.act(ENDLESS)
    gc.collect()
    assert unheard == []


async def test_what_is_cancelled_before_its_thread_has_begun_is_interrupted_too(
    tmp_path: Path,
) -> None:
    apsw.Connection(str(tmp_path / "shop.db")).execute("CREATE TABLE t (a)")
    threads, busy, bounds = ThreadPoolExecutor(1), threading.Event(), Bounds(20_000, 1_000)
    file = SqliteFile(Place("sqlite", (), "shop.db"), FileRules((str(tmp_path),)), threads)
    await file.sql(SqlWork((Statement("SELECT 1"),), reads_only=True), bounds)
    threads.submit(busy.wait)
    endless = SqlWork((Statement(ENDLESS),), reads_only=True)
    running = asyncio.create_task(file.sql(endless, bounds))
    await asyncio.sleep(0)
    for _ in range(2):  # whoever is in a hurry cancels twice
        running.cancel()
        await asyncio.sleep(0)
    busy.set()
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await running
    await file.aclose()
    threads.shutdown()


async def test_a_lock_that_somebody_keeps_is_a_deadlock(on_sqlite: Ground, tmp_path: Path) -> None:
    on_sqlite.root("CREATE TABLE t (a)")
    other = apsw.Connection(str(tmp_path / "shop.db"))
    other.execute("BEGIN EXCLUSIVE")
    assert await on_sqlite.code("INSERT INTO t VALUES (1)", timeout_ms=50) == "DEADLOCK"
    other.close()
    assert await on_sqlite.act("INSERT INTO t VALUES (1)") == {"count": 1}


async def test_who_waits_for_a_lock_is_let_go_when_it_is_cancelled(
    on_sqlite: Ground, tmp_path: Path
) -> None:
    on_sqlite.root("CREATE TABLE t (a)")
    other = apsw.Connection(str(tmp_path / "shop.db"))
    other.execute("BEGIN EXCLUSIVE")
    now = asyncio.get_running_loop().time
    began = now()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(on_sqlite.act("INSERT INTO t VALUES (1)"), 0.1)
    assert now() - began < 2
    other.close()
    assert await on_sqlite.rows("SELECT * FROM t") == []


@pytest.mark.parametrize(
    "template",
    [
        "PRAGMA journal_mode = OFF",
        "PRAGMA writable_schema = 1",
        "VACUUM INTO '/tmp/out.db'",
        "SELECT load_extension('x')",
    ],
)
async def test_no_statement_reaches_beyond_the_file(on_sqlite: Ground, template: str) -> None:
    assert await on_sqlite.code(template, type="update") in {"FORBIDDEN", "VALIDATION_ERROR"}


async def test_garbage_is_no_database(on_sqlite: Ground, tmp_path: Path) -> None:
    (tmp_path / "garbage.db").write_bytes(b"x" * 5_000)
    url = "sqlite:///garbage.db"
    assert await on_sqlite.code("SELECT * FROM t", url=url) == "PROVIDER_ERROR"


async def test_a_file_that_was_exchanged_is_opened_anew(on_sqlite: Ground, tmp_path: Path) -> None:
    on_sqlite.root("CREATE TABLE old (a)")
    await on_sqlite.rows("SELECT * FROM old")
    other = apsw.Connection(str(tmp_path / "new.db"))
    other.execute("CREATE TABLE new (a)")
    other.close()
    (tmp_path / "new.db").replace(tmp_path / "shop.db")
    assert await on_sqlite.rows("SELECT * FROM new") == []


async def test_values_come_back_as_json(on_sqlite: Ground) -> None:
    (row,) = await on_sqlite.rows(
        "SELECT 1 AS i, 0.5 AS f, 9e999 AS inf, 'a' AS t, x'00ff' AS b, NULL AS n, 1 = 1 AS yes"
    )
    assert row == {"i": 1, "f": 0.5, "inf": "Infinity", "t": "a", "b": "AP8=", "n": None, "yes": 1}


async def test_two_databases_of_one_product_do_not_share_connections(tmp_path: Path) -> None:
    for name in ("one", "two"):
        made = apsw.Connection(str(tmp_path / f"{name}.db"))
        made.execute("CREATE TABLE t (a)")
        made.execute("INSERT INTO t VALUES (?)", (name,))
        made.close()
    databases = PooledDatabases(EgressPolicy(), FileRules((str(tmp_path),)))
    place: JsonObject = {"database_type": "sqlite"}
    ground = Ground(place, DatabaseHandler(databases, FixedClock()), databases, lambda _: [])
    for name in ("one", "two", "one"):
        url = f"sqlite:///{name}.db"
        assert await ground.rows("SELECT a FROM t", url=url) == [{"a": name}]
    await databases.aclose()
    await databases.aclose()
