"""`ductape.transaction()` on PostgreSQL: one of our connections, for one transaction (SPEC 10)."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncCursor
from psycopg.rows import tuple_row

from ductape.errors import invalid
from ductape.ports.stores.transactions import Parameters
from ductape.stores.postgres.rows.values import Row
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.faults import explain
from ductape.stores.postgres.server.transaction import Connection


class PostgresLent:
    """A connection lent for one transaction."""

    def __init__(self, connection: Connection, shown: str) -> None:
        """Lend a connection on which a transaction is open; `shown` names the store in errors."""
        self._connection: Connection | None = connection
        self._shown = shown

    async def execute(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Run a statement (placeholders `%s` or `%(name)s`); return its rows.

        Raises `StoreError`, after which PostgreSQL takes nothing more in this transaction, and
        `ValidationError` once it is over.
        """
        try:
            cursor = await self._cursor().execute(sql.encode(), parameters or None)
            return await cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise explain(error, self._shown) from error

    async def executemany(self, sql: str, parameters: Iterable[Parameters]) -> None:
        """Run a statement once for each set of parameters; raises what `execute` raises."""
        try:
            await self._cursor().executemany(sql.encode(), list(parameters))
        except psycopg.Error as error:
            raise explain(error, self._shown) from error

    def lent(self) -> Connection:
        """Return the connection; raises `ValidationError` once the transaction is over."""
        if self._connection is None:
            raise invalid("transaction", "one that is open", "one that has ended")
        return self._connection

    def end(self) -> None:
        """Be over."""
        self._connection = None

    def _cursor(self) -> AsyncCursor[Row]:
        return AsyncCursor(self.lent(), row_factory=tuple_row)


class PostgresTransactions:
    """Where connections are lent."""

    def __init__(self, engine: Engine) -> None:
        """Lend connections of an engine."""
        self._engine = engine

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[PostgresLent]:
        """Open a transaction: committed at the end of the block, undone by an exception."""
        async with self._engine.lend() as connection:
            lent = PostgresLent(connection, self._engine.address.shown)
            try:
                yield lent
            finally:
                lent.end()
