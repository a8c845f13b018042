"""PostgreSQL databases of products, over psycopg, with parameters that the server itself binds.

The server cancels what takes too long (`statement_timeout`), and psycopg cancels there what is
cancelled here. Reads are streamed in a transaction that may not write. Instants are told in UTC.
What our reading presumes is set in each transaction: nothing of a session is kept.
"""

import asyncio
import select
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, cast

from psycopg import AsyncConnection, AsyncRawCursor, Error, OperationalError
from psycopg.errors import IndeterminateDatatype
from psycopg.rows import TupleRow

from ductape.domain.database_place import Place
from ductape.domain.egress import Destination, EgressPolicy
from ductape.ports.database import Answer, Bounds, SqlWork
from ductape.providers.databases.pool import Pool
from ductape.providers.databases.postgres.faults import connect_failure, failure
from ductape.providers.databases.postgres.parameters import Again, Parameters, Sent, register_text
from ductape.providers.databases.postgres.values import register_texts
from ductape.providers.databases.rows import Rows, names_of
from ductape.providers.databases.tls import trusted_file
from ductape.providers.http import Guard, addresses

Connection = AsyncConnection[TupleRow]

CONNECT_S = 10
_CHUNK = 10
"""Rows that are read at once, however large each is: more are no faster."""
_LONGEST_MS = 2**31 - 1
_NO_FILE = "/dev/null/none"
"""The operator's own `.pgpass` is for the operator."""

_TLS = {"off": "disable", "require": "require", "verify": "verify-full"}
_SETTINGS = {
    "TimeZone": "'UTC'",
    "DateStyle": "'ISO, YMD'",
    "IntervalStyle": "'iso_8601'",
    "bytea_output": "'hex'",
    "standard_conforming_strings": "on",
}
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
        self._known = Parameters()

    async def sql(self, work: SqlWork, bounds: Bounds) -> Answer:
        """Execute statements in one transaction."""
        try:
            while True:
                with suppress(Again):
                    return await self._tried(work, bounds)
        except Error as error:
            raise failure(error, self._place, reads=work.reads_only) from error

    async def _tried(self, work: SqlWork, bounds: Bounds) -> Answer:
        """Execute and commit; raises `Again` once for each parameter that has no type."""
        async with self._pool.lend(partial(_begin, work=work, bounds=bounds)) as lent:
            try:
                answer = await self._worked(lent.connection, work, bounds)
                lent.sound = True
            except Error:
                lent.sound = await _rolled_back(lent.connection)
                raise
            return answer

    async def _worked(self, connection: Connection, work: SqlWork, bounds: Bounds) -> Answer:
        rows = Rows(bounds.max_bytes)
        execute = _read if work.reads_only else _written
        count, returns = 0, work.reads_only
        for statement in work.statements:
            values = self._known.of(statement)
            try:
                done, returned = await execute(connection, statement.text, values, rows)
            except IndeterminateDatatype as error:
                if self._known.learn(statement.text, values, error):
                    raise Again from error
                raise
            count += done
            returns = returns or returned
        await connection.execute("COMMIT")
        return Answer(count, rows.rows if returns else None)

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
        except Error as error:
            raise connect_failure(error, self._place) from error
        register_texts(connection)
        register_text(connection)
        return connection

    def is_alive(self, connection: Connection) -> bool:
        """Tell whether the server has said nothing meanwhile: it only says farewell unasked."""
        if connection.closed:
            return False
        ready = select.poll()
        ready.register(connection.fileno(), select.POLLIN)
        return not ready.poll(0)

    async def clean(self, connection: Connection) -> bool:
        """Let the server forget the session: its settings, tables, locks, cursors and so on."""
        try:
            await connection.execute("DISCARD ALL")
        except Error:
            return False
        return True

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


async def _begin(connection: Connection, work: SqlWork, bounds: Bounds) -> None:
    mode = "READ ONLY" if work.reads_only else "READ WRITE"
    settings = {**_SETTINGS, "statement_timeout": min(bounds.timeout_ms, _LONGEST_MS)}
    local = (f"SET LOCAL {name} = {value}" for name, value in settings.items())
    await connection.execute("; ".join((f"BEGIN {mode}", *local)).encode())


async def _read(
    connection: Connection, text: str, values: Sequence[Sent], rows: Rows
) -> tuple[int, bool]:
    """Return how many rows were read, and that they are returned."""
    names: list[str] = []
    count = 0
    async with connection.cursor() as cursor:
        streamed = cursor.stream(text.encode(), values or None, size=_CHUNK)
        async with aclosing(cast("AsyncGenerator[TupleRow]", streamed)) as stream:
            async for row in stream:
                names = names or names_of([column.name for column in cursor.description or ()])
                rows.add(names, row)
                count += 1
    return count, True


async def _written(
    connection: Connection, text: str, values: Sequence[Sent], rows: Rows
) -> tuple[int, bool]:
    """Return how many rows were written, and whether any could be returned."""
    async with connection.cursor() as cursor:
        await cursor.execute(text.encode(), values or None)
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
