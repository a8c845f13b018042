"""PostgreSQL databases of products, over psycopg, with parameters that the server itself binds.

The server cancels what takes too long (`statement_timeout`), and psycopg cancels there what is
cancelled here. Reads are streamed in a transaction that may not write. Instants are told in UTC.
"""

import asyncio
import select
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, cast

from psycopg import AsyncConnection, AsyncRawCursor, Error, OperationalError
from psycopg.rows import TupleRow
from psycopg.types.numeric import Int4, Int8

from ductape.domain.database_place import Place
from ductape.domain.egress import Destination, EgressPolicy
from ductape.domain.sql import Statement
from ductape.domain.sql.statement import Parameter
from ductape.ports.database import Answer, Bounds, SqlWork
from ductape.providers.databases.pool import Pool
from ductape.providers.databases.postgres_faults import connect_failure, failure
from ductape.providers.databases.postgres_values import register_texts
from ductape.providers.databases.rows import Rows, names_of
from ductape.providers.databases.tls import trusted_file
from ductape.providers.http import Guard, addresses

Connection = AsyncConnection[TupleRow]

CONNECT_S = 10
_CHUNK = 10
"""Rows that are read at once, however large each is: more are no faster."""
_INT4, _INT8 = 2**31, 2**63
_LONGEST_MS = 2**31 - 1
_NO_FILE = "/dev/null/none"
"""The operator's own `.pgpass` is for the operator."""

_TLS = {"off": "disable", "require": "require", "verify": "verify-full"}
_SETTINGS = (
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; "
    "SET bytea_output = 'hex'; SET standard_conforming_strings = on"
)
"""What our reading of templates and values presumes."""


class PostgresDatabase:
    """The connections to one database."""

    lost: tuple[type[Exception], ...] = (OperationalError,)

    def __init__(self, place: Place, policy: EgressPolicy) -> None:
        """Open nothing yet."""
        self._place = place
        self._guard = Guard(policy)
        now = asyncio.get_running_loop().time
        self._pool: Pool[Connection] = Pool(self, place.connections, now)

    async def sql(self, work: SqlWork, bounds: Bounds) -> Answer:
        """Execute statements in one transaction."""
        try:
            async with self._pool.lend(partial(_begin, work=work, bounds=bounds)) as lent:
                try:
                    answer = await _worked(lent.connection, work, bounds)
                    lent.sound = True
                except Error:
                    lent.sound = await _rolled_back(lent.connection)
                    raise
                return answer
        except Error as error:
            raise failure(error, self._place, reads=work.reads_only) from error

    async def aclose(self) -> None:
        """Close its connections."""
        await self._pool.aclose()

    async def open(self) -> Connection:
        """Connect to an address that the guard has seen."""
        found = [
            (host, port, address)
            for host, port in self._place.servers
            for address in await addresses(
                self._guard, Destination(host, port, self._place.allow_private)
            )
        ]
        try:
            connection = await AsyncConnection.connect(**self._parameters(found))
            return await _settled(connection)
        except Error as error:
            raise connect_failure(error, self._place) from error

    def is_alive(self, connection: Connection) -> bool:
        """Tell whether the server has said nothing meanwhile: it only says farewell unasked."""
        if connection.closed:
            return False
        ready = select.poll()
        ready.register(connection.fileno(), select.POLLIN)
        return not ready.poll(0)

    async def close(self, connection: Connection) -> None:
        """Close it."""
        await connection.close()

    def _parameters(self, found: Sequence[tuple[str, int, str]]) -> dict[str, Any]:
        place = self._place
        tls = {} if place.tls is None else {"sslmode": _TLS[place.tls]}
        trust = {"sslrootcert": trusted_file()} if place.tls == "verify" else {}
        return {
            "application_name": "ductape",
            **dict(place.options),
            **tls,
            **trust,
            "host": ",".join(host for host, _, _ in found),
            "hostaddr": ",".join(address for _, _, address in found),
            "port": ",".join(str(port) for _, port, _ in found),
            "dbname": place.database,
            "user": place.user,
            "password": place.password,
            "passfile": _NO_FILE,
            "client_encoding": "utf8",
            "gssencmode": "disable",
            "connect_timeout": CONNECT_S,
            "autocommit": True,
            "prepare_threshold": None,
            "cursor_factory": AsyncRawCursor,
        }


async def _settled(connection: Connection) -> Connection:
    """Let the session be what we presume; it is closed where that does not come to an end."""
    try:
        register_texts(connection)
        await connection.execute(_SETTINGS)
    except BaseException:
        await connection.close()
        raise
    return connection


async def _begin(connection: Connection, work: SqlWork, bounds: Bounds) -> None:
    mode = "READ ONLY" if work.reads_only else "READ WRITE"
    limit_ms = min(bounds.timeout_ms, _LONGEST_MS)
    begin = f"BEGIN {mode}; SET LOCAL statement_timeout = {limit_ms}"
    await connection.execute(begin.encode())


async def _worked(connection: Connection, work: SqlWork, bounds: Bounds) -> Answer:
    rows = Rows(bounds.max_bytes)
    if work.reads_only:
        for statement in work.statements:
            await _read(connection, statement, rows)
        await connection.execute("COMMIT")
        return Answer(len(rows.rows), rows.rows)
    written = [await _written(connection, statement, rows) for statement in work.statements]
    await connection.execute("COMMIT")
    returns = any(returned for _, returned in written)
    return Answer(sum(count for count, _ in written), rows.rows if returns else None)


def _typed(values: Sequence[Parameter]) -> list[Parameter | Int4 | Int8]:
    """Return values as the server takes them: integers by one type, not by how large each is."""
    return [_integer(one) if type(one) is int else one for one in values]


def _integer(value: int) -> Parameter | Int4 | Int8:
    if -_INT4 <= value < _INT4:
        return Int4(value)
    return Int8(value) if -_INT8 <= value < _INT8 else value


async def _read(connection: Connection, statement: Statement, rows: Rows) -> None:
    names: list[str] = []
    async with connection.cursor() as cursor:
        text, values = statement.text.encode(), _typed(statement.parameters)
        streamed = cursor.stream(text, values or None, size=_CHUNK)
        async with aclosing(cast("AsyncGenerator[TupleRow]", streamed)) as stream:
            async for row in stream:
                names = names or names_of([column.name for column in cursor.description or ()])
                rows.add(names, row)


async def _written(connection: Connection, statement: Statement, rows: Rows) -> tuple[int, bool]:
    """Return how many rows were written, and whether any could be returned."""
    async with connection.cursor() as cursor:
        await cursor.execute(statement.text.encode(), _typed(statement.parameters) or None)
        if cursor.description is None:
            return max(cursor.rowcount, 0), False
        names = names_of([column.name for column in cursor.description])
        async for row in cursor:
            rows.add(names, row)
        return max(cursor.rowcount, 0), True


async def _rolled_back(connection: Connection) -> bool:
    """Roll back; tell whether the connection can be used again."""
    try:
        await connection.execute("ROLLBACK")
    except Error:
        return False
    return True
