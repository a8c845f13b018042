"""SQLite files of products: only below the operator's roots, and never the store's own.

A connection works in a thread. Statements may neither attach other files nor load extensions; what
takes too long, or is cancelled, is interrupted. Links are not followed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, TypeVar, cast

import apsw
from msgspec import Struct

from ductape.domain.database_place import Place
from ductape.domain.templates.sql import Statement
from ductape.errors import DuctapeError, ProviderError, ResultTooLarge
from ductape.ports.database import Answer, Bounds, SqlWork
from ductape.providers.databases.pool import Pool
from ductape.providers.databases.rows import Rows, names_of
from ductape.providers.databases.sqlite.apsw_shape import Connection
from ductape.providers.databases.sqlite.confined_files import FileRules, confined

T = TypeVar("T")

BUSY_MS = 5_000
"""How long a statement waits for somebody else's lock, if the attempt has longer to tell it."""

LONGEST_READ = 67_108_864
"""Bytes of one value or row on its way to a result, which may have less: SQLite makes it whole."""
LONGEST_WRITTEN = 1_000_000_000
"""SQLite's own limit."""

_LOCK_LOOK_S = 0.01
_STEPS_BETWEEN_LOOKS = 10_000
_OPEN = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOFOLLOW
_DENIED = frozenset({apsw.SQLITE_ATTACH, apsw.SQLITE_DETACH})
_TEMPORARY = frozenset(
    {
        apsw.SQLITE_CREATE_TEMP_INDEX,
        apsw.SQLITE_CREATE_TEMP_TABLE,
        apsw.SQLITE_CREATE_TEMP_TRIGGER,
        apsw.SQLITE_CREATE_TEMP_VIEW,
    }
)
"""What whoever is next would find on the connection."""
_PRAGMAS = frozenset({"table_info", "table_xinfo", "index_list", "index_info", "foreign_key_list"})
"""The pragmas that a template may read; others change the connection for whoever is next."""
_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})


class Opened(Struct, frozen=True):
    """An open file."""

    connection: Connection
    inode: int | None
    """Which file it was: another one may have taken its name since."""
    left: Event
    """Set where a statement makes what stays with the connection."""


class SqliteFile:
    """The connections to one file."""

    lost: tuple[type[Exception], ...] = (apsw.Error,)

    def __init__(self, place: Place, rules: FileRules, threads: ThreadPoolExecutor) -> None:
        """Open nothing yet."""
        self._place = place
        self._rules = rules
        self._threads = threads
        now = asyncio.get_running_loop().time
        self._now = now
        self._pool: Pool[Opened] = Pool(self, place.connections, now)

    async def sql(self, work: SqlWork, bounds: Bounds) -> Answer:
        """Execute statements in one transaction."""
        async with self._pool.lend(_begin) as lent:
            connection = lent.connection.connection
            cancelled = Event()
            self._bound(connection, work, bounds, cancelled)
            try:
                working = self._in_thread(partial(_worked, connection, work, bounds))
                return await _ended(working, connection, cancelled)
            except apsw.Error as error:
                raise failure(error, reads=work.reads_only) from error
            finally:
                lent.sound = not connection.in_transaction

    def _bound(
        self, connection: Connection, work: SqlWork, bounds: Bounds, cancelled: Event
    ) -> None:
        """Bound what comes by its time and, of reads, by the size of a value."""
        now = self._now()
        deadline = now + bounds.timeout_ms / 1_000
        gives_up = now + min(BUSY_MS, bounds.timeout_ms * 9 // 10) / 1_000
        longest = max(LONGEST_READ, bounds.max_bytes) if work.reads_only else LONGEST_WRITTEN
        connection.limit(apsw.SQLITE_LIMIT_LENGTH, longest)
        connection.set_busy_handler(
            lambda _: not cancelled.wait(_LOCK_LOOK_S) and self._now() < gives_up
        )
        connection.set_progress_handler(
            lambda: cancelled.is_set() or self._now() > deadline, _STEPS_BETWEEN_LOOKS
        )

    async def aclose(self) -> None:
        """Close its connections."""
        await self._pool.aclose()

    async def open(self) -> Opened:
        """Open the file, which must be there."""
        path = confined(self._place.database, self._rules)
        try:
            return await self._in_thread(partial(_opened, path))
        except apsw.Error as error:
            raise failure(error) from error

    def is_alive(self, connection: Opened) -> bool:
        """Tell whether the file that it has open is still the one of that name."""
        return _inode_of(connection.connection.filename) == connection.inode

    async def clean(self, connection: Opened) -> bool:
        """Forget the last row's id; tell whether nothing else can be left."""
        connection.connection.set_last_insert_rowid(0)
        return not connection.left.is_set()

    async def close(self, connection: Opened) -> None:
        """Close the file."""
        await self._in_thread(partial(connection.connection.close, force=True))

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)


async def _ended(working: Awaitable[T], connection: Connection, cancelled: Event) -> T:
    """Wait for a thread; if cancelled, interrupt it and wait until it has let go.

    An interruption is lost on a thread that has not begun yet: that one learns from the event.
    """
    ending = asyncio.ensure_future(working)
    try:
        return await asyncio.shield(ending)
    except asyncio.CancelledError:
        cancelled.set()
        connection.interrupt()
        while not ending.done():  # nobody else may touch what a thread is working with
            with suppress(asyncio.CancelledError):
                await asyncio.wait((ending,))
        ending.exception()  # which nobody waits for any more
        raise


def _opened(path: str) -> Opened:
    connection = apsw.Connection(path, flags=_OPEN)
    connection.limit(apsw.SQLITE_LIMIT_ATTACHED, 0)
    connection.enable_load_extension(False)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    opened = cast("Connection", connection)
    opened.execute("PRAGMA foreign_keys = ON")
    left = Event()
    connection.authorizer = partial(_allowed, left)
    return Opened(opened, _inode_of(path), left)


def _allowed(
    left: Event,
    operation: int,
    first: str | None,
    second: str | None,
    _database: str | None,
    _by: str | None,
    /,
) -> int:
    if operation in _TEMPORARY:
        left.set()
    if operation in _DENIED:
        return apsw.SQLITE_DENY
    if operation == apsw.SQLITE_PRAGMA:
        return apsw.SQLITE_OK if first in _PRAGMAS else apsw.SQLITE_DENY
    if operation == apsw.SQLITE_FUNCTION and second in _FUNCTIONS:
        return apsw.SQLITE_DENY
    return apsw.SQLITE_OK


def _inode_of(path: str) -> int | None:
    try:
        return Path(path).stat().st_ino
    except FileNotFoundError:
        return None


async def _begin(opened: Opened) -> None:
    """Nothing to be asked of a file beforehand."""


def _worked(connection: Connection, work: SqlWork, bounds: Bounds) -> Answer:
    """Do the work in a transaction: in a thread."""
    rows = Rows(bounds.max_bytes)
    count, returned = 0, False
    connection.execute("BEGIN" if work.reads_only else "BEGIN IMMEDIATE")
    try:
        for statement in work.statements:
            written, has_rows = _executed(connection, statement, work, rows)
            count += written
            returned = returned or has_rows
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    if work.reads_only:
        return Answer(len(rows.rows), rows.rows)
    return Answer(count, rows.rows if returned else None)


def _executed(
    connection: Connection, statement: Statement, work: SqlWork, rows: Rows
) -> tuple[int, bool]:
    before, read = connection.total_changes(), len(rows.rows)
    cursor = connection.cursor()
    described: list[str] = []

    def trace(running: Any, _sql: str, _bound: object) -> bool:  # noqa: ANN401 (apsw's cursor)
        if work.reads_only and not running.is_readonly:
            raise ProviderError(
                "VALIDATION_ERROR", "an action that reads has a template that writes"
            )
        described.extend(column[0] for column in running.get_description())
        return True

    cursor.exec_trace = trace
    for row in cursor.execute(statement.text, statement.parameters):
        rows.add(names_of(described), row)
    cursor.close()
    if connection.total_changes() != before:
        return connection.changes(), bool(described)
    return len(rows.rows) - read, bool(described)


_CODES: tuple[tuple[type[apsw.Error], str], ...] = (
    (apsw.BusyError, "DEADLOCK"),
    (apsw.LockedError, "DEADLOCK"),
    (apsw.InterruptError, "TIMEOUT"),
    (apsw.AuthError, "FORBIDDEN"),
    (apsw.ReadOnlyError, "FORBIDDEN"),
    (apsw.PermissionsError, "FORBIDDEN"),
    (apsw.CantOpenError, "CONNECTION_ERROR"),
    (apsw.FullError, "SERVICE_UNAVAILABLE"),
    (apsw.IOError, "CONNECTION_LOST"),
    (apsw.ConstraintError, "VALIDATION_ERROR"),
    (apsw.SQLError, "VALIDATION_ERROR"),
    (apsw.MismatchError, "VALIDATION_ERROR"),
    (apsw.TooBigError, "VALIDATION_ERROR"),
    (apsw.RangeError, "VALIDATION_ERROR"),
    (apsw.BindingsError, "VALIDATION_ERROR"),
)


def failure(error: apsw.Error, *, reads: bool = False) -> DuctapeError:
    """Return what an error of SQLite means for the attempt."""
    if reads and isinstance(error, apsw.TooBigError):
        return ResultTooLarge(f"a value or row has more than {LONGEST_READ} bytes")
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "PROVIDER_ERROR")
    return ProviderError(code, f"SQLite: {error}", details={"sqlite": type(error).__name__})
