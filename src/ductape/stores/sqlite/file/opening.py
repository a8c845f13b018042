"""Opening a SQLite file: is it ours, is it fit, is it up to date; and what its errors mean.

Two processes may open a fresh file at the same moment: each step here is safe to lose. A file that
a newer version has brought up to date is worked on if it says that it serves this one (SPEC 11).
"""

import hashlib
import threading

import apsw

from ductape.domain.schema import StoreSchema, oldest_after, refuse_outlived
from ductape.errors import DuctapeError, StoreError
from ductape.stores.sqlite.connection import Connection, open_connection
from ductape.stores.sqlite.file.filesystem import refuse_remote
from ductape.stores.sqlite.file.statements import known_schema, migrations, statements

APPLICATION_ID = 0x44754A62
"""Marks a file as ours in SQLite's header."""

BUSY_MS = 15_000
OPEN_TRIES = 200
OPEN_PAUSE_S = 0.01

CONNECTION_SETTINGS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -32768",
    "PRAGMA journal_size_limit = 67108864",
)


def connect(path: str) -> Connection:
    """Open the file and bring it up to date; raises `StoreError` with its remedy."""
    refuse_remote(path)
    try:
        return _open(path)
    except apsw.Error as error:
        raise explain(error, path) from error


def schema_version(connection: Connection) -> int:
    """Return the number of the newest migration that was applied."""
    return int(connection.execute("PRAGMA user_version").get)


def schema_in(connection: Connection) -> StoreSchema:
    """Return how new the schema of a file of ours is.

    A version that no migration is on record for may serve nobody but its own programs.
    """
    version = schema_version(connection)
    [(last, oldest)] = connection.execute("SELECT max(number), max(oldest) FROM migrations")
    return StoreSchema(version, oldest if last == version else version)


def refuse_if_outlived(connection: Connection) -> None:
    """Raise `StoreError` where a migration since the opening has made this version too old."""
    newest = known_schema().number
    if schema_version(connection) > newest:
        refuse_outlived(schema_in(connection), newest, connection.filename)


def explain(error: Exception, path: str) -> Exception:
    """Turn SQLite's errors into ours, with what to do; leave others as they are."""
    if isinstance(error, DuctapeError) or not isinstance(error, apsw.Error):
        return error
    meaning = next(
        (text for kind, text in _MEANINGS.items() if isinstance(error, kind)),
        ("SQLite refused", "see the message"),
    )
    said, hint = meaning
    told = StoreError(f"{said}: {error}", path=path, hint=hint)
    told.passing = isinstance(error, apsw.BusyError)
    return told


_MEANINGS: dict[type[apsw.Error], tuple[str, str]] = {
    apsw.NotADBError: (
        "the file is no SQLite database",
        "point `store` at another file; this one was left as it is",
    ),
    apsw.FullError: ("the disk is full", "free some space; nothing was half-written"),
    apsw.ReadOnlyError: ("the database cannot be written", "allow writing to the file and folder"),
    apsw.CantOpenError: (
        "the database cannot be opened",
        "the folder must exist and be writable",
    ),
    apsw.BusyError: ("another process holds the database", "look for a stuck process"),
    apsw.CorruptError: ("the database is damaged", "restore it from a backup"),
    apsw.IOError: ("the disk failed", "check the disk; nothing was half-written"),
}


def _open(path: str) -> Connection:
    connection = open_connection(path)
    try:
        connection.set_busy_timeout(BUSY_MS)
        _refuse_strangers(connection, path)
        _refuse_read_only(connection)
        _into_wal(connection)
        for setting in CONNECTION_SETTINGS:
            connection.execute(setting)
        _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_strangers(connection: Connection, path: str) -> None:
    # One read transaction: another process may be making the file into ours.
    connection.execute("BEGIN")
    mark = connection.execute("PRAGMA application_id").get
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    connection.execute("COMMIT")
    if mark != APPLICATION_ID and (mark or tables):
        raise StoreError(
            "the file is a SQLite database of another program",
            path=path,
            hint="point `store` at another file; this one was left as it is",
        )


def _refuse_read_only(connection: Connection) -> None:
    if connection.readonly("main"):
        raise apsw.ReadOnlyError("the file is read-only")


def _into_wal(connection: Connection) -> None:
    # The switch does not wait for the busy timeout when two processes open a fresh file.
    pause = threading.Event()
    for _ in range(OPEN_TRIES):
        try:
            if connection.execute("PRAGMA journal_mode = wal").get == "wal":
                return
        except apsw.BusyError:
            pass
        pause.wait(OPEN_PAUSE_S)
    raise apsw.BusyError("write-ahead logging could not be switched on")


def _migrate(connection: Connection, path: str) -> None:
    found, newest = schema_version(connection), known_schema().number
    if found:
        refuse_outlived(schema_in(connection), newest, path)
        _refuse_other_schema(connection, path)
    if found >= newest:
        return
    connection.execute("BEGIN EXCLUSIVE")
    try:
        _apply_missing(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _apply_missing(connection: Connection) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations"
        " (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL,"
        " oldest INTEGER NOT NULL)"
    )
    for number, name, sql in migrations():
        if number <= schema_version(connection):
            continue
        connection.execute(sql)
        noted = (number, name, _digest(sql), oldest_after(sql))
        connection.execute("INSERT INTO migrations VALUES (?, ?, ?, ?)", noted)
        connection.execute(f"PRAGMA user_version = {number:d}")
    connection.execute(statements("workers")["end_leases"], {"oldest": known_schema().oldest})
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")


def _refuse_other_schema(connection: Connection, path: str) -> None:
    """Refuse a file whose schema was made by other migrations of the same number."""
    applied = dict(connection.execute("SELECT number, checksum FROM migrations").fetchall())
    for number, name, sql in migrations():
        if applied.get(number, _digest(sql)) != _digest(sql):
            raise StoreError(
                f"the database was made by another migration {number:04d} than this `{name}`",
                path=path,
                hint="use the version of ductape-jobs that made it, or another file",
            )


def _digest(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()
