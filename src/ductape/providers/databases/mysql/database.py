"""MySQL and MariaDB databases of products, over asyncmy, with parameters that the server binds.

No value is ever written into a statement: its text and its values are bound to variables of the
session in the binary protocol, and it is prepared and executed from these. The driver's own
formatting of parameters into text is not used. Rows are streamed.
"""

import asyncio
import struct
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import Any

from asyncmy import connect  # pyright: ignore[reportUnknownVariableType] (untyped)
from asyncmy.constants.CLIENT import FOUND_ROWS
from asyncmy.cursors import SSCursor
from asyncmy.errors import MySQLError

from ductape.domain.database_place import Place
from ductape.domain.egress import Destination, EgressPolicy
from ductape.domain.templates.sql import Statement
from ductape.errors import ProviderError
from ductape.ports.database import Answer, Bounds, SqlWork
from ductape.providers.databases.mysql.faults import (
    connect_failure,
    failure,
    lost,
    said_by_server,
)
from ductape.providers.databases.pool import Pool
from ductape.providers.databases.rows import Rows, names_of
from ductape.providers.databases.tls import context_for
from ductape.providers.http import Guard, addresses

CONNECT_S = 10
_CHUNK = 10
"""Rows that are read at once, however large each is: more are no faster."""
_RESET = 0x1F
"""COM_RESET_CONNECTION of the protocol."""
_LONGEST_S = 31_536_000
_GARBAGE = (AssertionError, LookupError, RuntimeError, TypeError, ValueError, struct.error)
"""What the driver raises where an answer is none: it takes it apart as it comes."""

_MODES_OF_ITS_OWN = frozenset({"ANSI", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES"})
"""They would change what is a string: templates are read without them."""


class Session:
    """A connection with what is prepared on it, and what its settings are to be."""

    def __init__(self, connection: Any, *, is_maria: bool) -> None:  # noqa: ANN401 (asyncmy's is untyped)
        self.connection = connection
        self.is_maria = is_maria
        self.settings = ""
        """What our reading of templates and values presumes; a reset undoes it."""
        self.prepared: str | None = None
        self._bindings: dict[int, Any] = {}

    async def query(self, sql: str) -> None:
        """Execute a statement of our own, without values."""
        await self.connection.query(sql)

    async def bind(self, values: Sequence[object]) -> None:
        """Bind values to `@ductape_0` and so on."""
        setter = self._bindings.get(len(values))
        if setter is None:
            marks = ", ".join(f"@ductape_{at} = ?" for at in range(len(values)))
            setter = await self.connection.prepare(f"SET {marks}")
            self._bindings[len(values)] = setter
        await setter.execute(tuple(values))

    async def reset(self) -> None:
        """Let the server forget the session: its variables, tables, locks, what it prepared."""
        self.prepared = None
        self._bindings.clear()
        await self.connection._execute_command(_RESET, b"")  # noqa: SLF001 (the driver has no name for it)
        await self.connection._read_ok_packet()  # noqa: SLF001 (the same)


class MysqlDatabase:
    """The connections to one database."""

    lost: tuple[type[Exception], ...] = (MySQLError, OSError)

    def __init__(self, place: Place, policy: EgressPolicy) -> None:
        """Open nothing yet."""
        self._place = place
        self._guard = Guard(policy)
        now = asyncio.get_running_loop().time
        self._pool: Pool[Session] = Pool(self, place.connections, now)

    async def sql(self, work: SqlWork, bounds: Bounds) -> Answer:
        """Execute statements in one transaction."""
        try:
            async with self._pool.lend(partial(_begin, work=work, bounds=bounds)) as lent:
                number = lent.connection.connection.thread_id()
                try:
                    answer = await _worked(lent.connection, work, bounds)
                    lent.sound = True
                except MySQLError as error:
                    lent.sound = said_by_server(error) and await _rolled_back(lent.connection)
                    raise
                except asyncio.CancelledError:
                    await _to_the_end(self._cancel_on_server(number))
                    raise
                return answer
        except MySQLError as error:
            raise failure(error, self._place) from error
        except OSError as error:
            raise lost(self._place) from error
        except _GARBAGE:
            said = f"{self._place.shown} gave an answer that is none"
            raise ProviderError("PROVIDER_ERROR", said) from None  # it may quote a row

    async def aclose(self) -> None:
        """Close its connections."""
        await self._pool.aclose()

    async def open(self) -> Session:
        """Connect to an address that the guard has seen."""
        failed: ProviderError | None = None
        for host, port in self._place.servers:
            wanted = Destination(host, port, self._place.allow_private)
            for address in await addresses(self._guard, wanted):
                try:
                    async with asyncio.timeout(CONNECT_S):
                        return await self._connected(host, address, port)
                except (MySQLError, OSError) as error:
                    failed = connect_failure(error, self._place)
                    failed.__cause__ = error
                except _GARBAGE as error:
                    said = f"what answers at {self._place.shown} is no MySQL"
                    raise ProviderError("CONNECTION_ERROR", said) from error
        raise failed or ProviderError("CONNECTION_ERROR", f"{self._place.shown} has no address")

    def is_alive(self, connection: Session) -> bool:
        """Tell whether nobody has hung up."""
        return bool(connection.connection.connected)

    async def clean(self, connection: Session) -> bool:
        """Reset the session on the server."""
        try:
            await connection.reset()
        except (MySQLError, OSError, *_GARBAGE):
            return False
        return True

    async def close(self, connection: Session) -> None:
        """Close it, whatever is under way on it."""
        connection.connection.close()

    async def _connected(self, host: str, address: str, port: int) -> Session:
        place = self._place
        connection: Any = await connect(
            host=address,
            port=port,
            user=place.user,
            password=place.password or "",
            database=place.database,
            charset="utf8mb4",
            autocommit=True,
            client_flag=FOUND_ROWS,
            cursor_cls=SSCursor,
            connect_timeout=CONNECT_S,
            program_name="ductape",
            ssl=context_for(place.tls, host),
        )
        session = Session(connection, is_maria="MariaDB" in connection.get_server_info())
        try:
            await _settled(session)
        except BaseException:
            connection.close()
            raise
        return session

    async def _cancel_on_server(self, number: int) -> None:
        """End the connection that was cancelled here, on the server too."""
        try:
            killer = await self.open()
        except ProviderError:
            return
        try:
            await killer.query(f"KILL {number}")
        except MySQLError:
            return  # it has ended by itself
        finally:
            await self.close(killer)


async def _settled(session: Session) -> None:
    """Find out what the settings of the session are to be."""
    async with session.connection.cursor() as cursor:
        await cursor.execute("SELECT @@SESSION.sql_mode, @@SESSION.collation_connection")
        modes, collation = await cursor.fetchone()
    kept = [one for one in modes.split(",") if one and one not in _MODES_OF_ITS_OWN]
    wanted = ",".join(dict.fromkeys((*kept, "STRICT_TRANS_TABLES")))
    session.settings = (
        f"NAMES utf8mb4 COLLATE {collation},"
        f" SESSION sql_mode = '{wanted}', time_zone = '+00:00', autocommit = 1"
    )


async def _begin(session: Session, work: SqlWork, bounds: Bounds) -> None:
    seconds = min(bounds.timeout_ms / 1_000, _LONGEST_S)
    limit = (
        f"max_statement_time = {seconds:.3f}"
        if session.is_maria
        else f"max_execution_time = {int(seconds * 1_000)}"
    )
    await session.query(f"SET {session.settings}, {limit}")
    await session.query(f"START TRANSACTION READ {'ONLY' if work.reads_only else 'WRITE'}")


async def _worked(session: Session, work: SqlWork, bounds: Bounds) -> Answer:
    rows = Rows(bounds.max_bytes)
    done = [await _executed(session, statement, rows) for statement in work.statements]
    await session.query("COMMIT")
    if work.reads_only:
        return Answer(len(rows.rows), rows.rows)
    returns = any(returned for _, returned in done)
    return Answer(sum(count for count, _ in done), rows.rows if returns else None)


async def _executed(session: Session, statement: Statement, rows: Rows) -> tuple[int, bool]:
    """Return how many rows were written, and whether any could be returned."""
    await session.bind((statement.text, *statement.parameters))
    if session.prepared != statement.text:
        session.prepared = None
        await session.query("PREPARE ductape FROM @ductape_0")
        session.prepared = statement.text
    marks = ", ".join(f"@ductape_{at + 1}" for at in range(len(statement.parameters)))
    cursor = session.connection.cursor()
    await cursor.execute(f"EXECUTE ductape USING {marks}" if marks else "EXECUTE ductape")
    if cursor.description is None:
        return max(cursor.rowcount, 0), False
    names = names_of([column[0] for column in cursor.description])
    count = 0
    while some := await cursor.fetchmany(_CHUNK):
        count += len(some)
        for row in some:
            rows.add(names, row)
    await cursor.close()
    return count, True


async def _rolled_back(session: Session) -> bool:
    """Roll back; tell whether the connection can be used again."""
    try:
        await session.query("ROLLBACK")
    except (MySQLError, OSError):
        return False
    return True


async def _to_the_end(cancelling: Awaitable[None]) -> None:
    """Wait until the server has been told, whatever is asked of us meanwhile."""
    await asyncio.shield(asyncio.ensure_future(cancelling))
