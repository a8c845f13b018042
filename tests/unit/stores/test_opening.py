"""Opening a SQLite file: what is not ours, or not fit, is refused and left as it is."""

import os
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

import pytest

from ductape.errors import StoreError
from ductape.stores.sqlite.connection import Connection, open_connection
from ductape.stores.sqlite.file.opening import APPLICATION_ID, connect, schema_version
from ductape.stores.sqlite.file.statements import migrations
from ductape.stores.sqlite.store import open_sqlite
from tests.builders import decide

NEWEST = migrations()[-1][0]
NOBODY = 65_534


def made(path: Path) -> Path:
    """Make a store's file, closed again."""
    connect(str(path)).close()
    return path


def foreign(path: Path, *settings: str) -> Path:
    """Make a database of another program."""
    with closing(open_connection(str(path))) as connection:
        connection.execute("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)")
        for setting in settings:
            connection.execute(setting).fetchall()
    return path


def refused(path: Path) -> StoreError:
    """Try to open; the error names the path and what to do, and the file stays as it was."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError) as raised:
        connect(str(path))
    assert raised.value.path == str(path)
    assert raised.value.hint
    assert (path.read_bytes() if path.is_file() else None) == before
    return raised.value


def apply_later(connection: Connection, *, oldest: int, number: int = NEWEST + 1) -> None:
    """Do as a newer version's migration would, which the programs from `oldest` on survive."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO migrations VALUES (?, 'later', 'x', ?)", (number, oldest))
    connection.execute(f"PRAGMA user_version = {number:d}; COMMIT")


def open_files() -> set[str]:
    return {file.name for file in Path("/proc/self/fd").iterdir()}


@contextmanager
def as_nobody() -> Generator[None]:
    """Give up root's right to write everywhere, if we have it."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(mine)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that everybody may enter and nobody but its owner may write."""
    path = Path(mkdtemp(prefix="dt-"))
    path.chmod(0o755)
    yield path
    path.chmod(0o755)
    for file in path.iterdir():
        file.unlink()
    path.rmdir()


def test_a_fresh_file_becomes_ours(tmp_path: Path) -> None:
    with closing(connect(str(tmp_path / "a.db"))) as connection:
        assert connection.execute("PRAGMA application_id").get == APPLICATION_ID
        assert schema_version(connection) == NEWEST
        assert connection.execute("PRAGMA journal_mode").get == "wal"
        assert connection.execute("PRAGMA synchronous").get == 2


def test_an_empty_file_becomes_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.touch()
    made(path)
    assert path.stat().st_size > 0


def test_our_file_is_opened_again(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    with closing(connect(str(path))) as connection:
        assert schema_version(connection) == NEWEST


@pytest.mark.parametrize("content", [b"no database", b"x" * 5_000, bytes(range(256)) * 40])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    assert "no SQLite database" in str(refused(path))


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("PRAGMA user_version = 1",),
        (f"PRAGMA user_version = {NEWEST}",),
        ("PRAGMA user_version = 999",),
        ("PRAGMA application_id = 7",),
        ("CREATE TABLE migrations (a)",),
    ],
)
def test_a_database_of_another_program_is_refused(
    tmp_path: Path, settings: tuple[str, ...]
) -> None:
    assert "another program" in str(refused(foreign(tmp_path / "theirs.db", *settings)))


def test_an_empty_database_that_another_program_marked_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with closing(open_connection(str(path))) as connection:
        connection.execute("PRAGMA application_id = 7")
    assert "another program" in str(refused(path))


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    with closing(open_connection(str(path))) as connection:
        apply_later(connection, oldest=NEWEST + 1)
    error = refused(path)
    assert f"the database has schema {NEWEST + 1}, this version knows {NEWEST}" in str(error)
    assert error.hint is not None
    assert "upgrade" in error.hint


def test_a_database_of_a_newer_version_that_serves_this_one_is_opened(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    with closing(open_connection(str(path))) as connection:
        apply_later(connection, oldest=NEWEST)
    with closing(connect(str(path))) as connection:
        assert schema_version(connection) == NEWEST + 1


async def test_a_migration_that_serves_the_open_store_no_more_ends_its_writing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.db"
    store = open_sqlite(str(path), decide=decide, token="t")
    with closing(open_connection(str(path))) as connection:
        apply_later(connection, oldest=NEWEST)
        assert await store.secrets.delete("p", "e", "n") is False
        apply_later(connection, oldest=NEWEST + 2, number=NEWEST + 2)
    with pytest.raises(StoreError, match=f"has schema {NEWEST + 2}, this version knows {NEWEST}"):
        await store.secrets.delete("p", "e", "n")
    with pytest.raises(StoreError, match="this version knows"):
        async with store.transactions.lend():
            pass
    await store.aclose()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert "cannot be opened" in str(refused(tmp_path))


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    error = refused(tmp_path / "missing" / "a.db")
    assert error.hint is not None
    assert "folder" in error.hint
    assert not (tmp_path / "missing").exists()


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    content = bytearray(path.read_bytes())
    content[100:4_000] = b"\xff" * 3_900
    path.write_bytes(content)
    error = refused(path)
    assert error.hint is not None
    assert "backup" in error.hint


def test_a_new_file_in_a_read_only_folder_is_refused(folder: Path) -> None:
    folder.chmod(0o555)
    with as_nobody():
        assert "cannot be opened" in str(refused(folder / "a.db"))


def test_our_file_in_a_read_only_folder_is_refused(folder: Path) -> None:
    path = made(folder / "a.db")
    folder.chmod(0o555)
    with as_nobody():
        refused(path)


def test_a_read_only_file_is_refused(folder: Path) -> None:
    path = made(folder / "a.db")
    path.chmod(0o444)
    folder.chmod(0o777)
    with as_nobody():
        assert "cannot be written" in str(refused(path))


async def test_a_store_that_cannot_be_opened_leaves_nothing_open(tmp_path: Path) -> None:
    path = foreign(tmp_path / "theirs.db")
    before, threads = open_files(), threading.active_count()
    for inline in (True, False):
        with pytest.raises(StoreError):
            open_sqlite(str(path), decide=decide, token="t", inline=inline)
    assert (open_files(), threading.active_count()) == (before, threads)


async def test_a_store_whose_sockets_have_no_place_leaves_nothing_open(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    before, threads = open_files(), threading.active_count()
    with pytest.raises(StoreError, match="sockets"):
        open_sqlite(str(path), decide=decide, token="no/such/folder")
    assert (open_files(), threading.active_count()) == (before, threads)


@pytest.mark.parametrize("inline", [True, False])
async def test_a_store_closes_twice_without_harm(tmp_path: Path, *, inline: bool) -> None:
    store = open_sqlite(str(tmp_path / "a.db"), decide=decide, token="t", inline=inline)
    await store.aclose()
    await store.aclose()


def test_every_migration_leaves_its_checksum(tmp_path: Path) -> None:
    with closing(connect(str(tmp_path / "a.db"))) as connection:
        rows = connection.execute("SELECT number, name, checksum FROM migrations").fetchall()
    assert rows == [
        (number, name, sha256(sql.encode()).hexdigest()) for number, name, sql in migrations()
    ]


def test_a_schema_made_by_another_migration_of_the_same_number_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    with closing(connect(str(path))) as connection:
        connection.execute("UPDATE migrations SET checksum = 'another'")
    assert "another migration 0001" in str(refused(path))


def test_migrations_are_numbered_without_gaps() -> None:
    assert [number for number, _, _ in migrations()] == list(range(1, NEWEST + 1))


def test_opening_again_migrates_nothing(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    with closing(connect(str(path))) as watcher:
        before = watcher.execute("PRAGMA data_version").get
        made(path)
        assert watcher.execute("PRAGMA data_version").get == before


def test_a_migration_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(open_connection(str(path))) as connection:
        connection.execute("PRAGMA journal_mode = wal").fetchall()
        connection.execute("BEGIN; CREATE TABLE migrations (a); CREATE TABLE runs (a); ROLLBACK")
    with closing(connect(str(made(path)))) as connection:
        assert connection.execute("SELECT count(*) FROM migrations").get == NEWEST


def together(count: int, call: Callable[[], None]) -> list[BaseException | None]:
    """Call from many threads at once; return what each raised."""
    ready = threading.Barrier(count)

    def one() -> BaseException | None:
        ready.wait(20)
        try:
            call()
        except StoreError as error:
            return error
        return None

    with ThreadPoolExecutor(count) as threads:
        return [future.result() for future in [threads.submit(one) for _ in range(count)]]


@pytest.mark.parametrize("attempt", range(5))
def test_many_that_open_a_fresh_file_at_once_all_get_in(tmp_path: Path, attempt: int) -> None:
    path = tmp_path / f"{attempt}.db"
    assert together(4, lambda: connect(str(path)).close()) == [None] * 4
    with closing(connect(str(path))) as connection:
        assert connection.execute("SELECT count(*) FROM migrations").get == NEWEST
