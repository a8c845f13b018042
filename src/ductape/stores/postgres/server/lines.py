"""A connection, as the statements of a transaction are run on it: one that awaits, one that blocks.

Answers come in PostgreSQL's binary form: bytea as it is, no text to be parsed. Whatever the
connection's owner has chosen (rows as dictionaries, cursors that bind by themselves) is left aside.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from psycopg import AsyncConnection, AsyncCursor, AsyncPipeline
from psycopg.rows import tuple_row

from ductape.stores.postgres.rows.values import Cell, Row, Values
from ductape.stores.postgres.server.patience import Watch


class Asked(Protocol):
    """A statement that was sent; its answer may be yet to come."""

    async def rows(self) -> list[Row]:
        """Return every row of the answer."""
        ...


class Line(Protocol):
    """Runs statements."""

    async def ask(self, sql: bytes, values: Values) -> Asked:
        """Send a statement; within a pipeline, without waiting for its answer."""
        ...

    async def rows(self, sql: bytes, values: Values) -> list[Row]:
        """Return every row of a statement's answer."""
        ...

    async def change(self, sql: bytes, values: Values) -> int:
        """Return how many rows a statement changed."""
        ...

    async def copy(self, sql: bytes, rows: Iterable[Sequence[Cell]], types: Sequence[str]) -> None:
        """Send many rows by COPY."""
        ...


@dataclass(frozen=True, slots=True)
class AsyncAsked:
    """A statement that was sent on a connection of this event loop."""

    cursor: AsyncCursor[Row]
    pipeline: AsyncPipeline | None
    watch: Watch | None

    async def rows(self) -> list[Row]:
        """Return every row of the answer, after those of all that was sent before.

        The server is told that we wait: else a process that falls silent is not idle to it.
        """
        if self.pipeline is not None and self.cursor.pgresult is None:
            await self.pipeline.sync()
        rows = await self.cursor.fetchall()
        if self.watch is not None:
            self.watch.heard()
        return rows


@dataclass(frozen=True, slots=True)
class AsyncLine:
    """A connection of this event loop."""

    connection: AsyncConnection[Any]
    prepare: bool | None = None
    """Whether the server keeps a statement for the next time; none: once it was run often."""
    pipeline: AsyncPipeline | None = None
    """The one under way on the connection."""
    watch: Watch | None = None
    """Who is told that the server answers."""

    async def ask(self, sql: bytes, values: Values) -> AsyncAsked:
        """Send a statement; within a pipeline, without waiting for its answer."""
        self._asks(sql)
        cursor = self._cursor()
        await cursor.execute(sql, values, prepare=self.prepare, binary=True)
        return AsyncAsked(cursor, self.pipeline, self.watch)

    async def rows(self, sql: bytes, values: Values) -> list[Row]:
        """Return every row of a statement's answer."""
        return await (await self.ask(sql, values)).rows()

    async def change(self, sql: bytes, values: Values) -> int:
        """Return how many rows a statement changed."""
        self._asks(sql)
        cursor = await self._cursor().execute(sql, values, prepare=self.prepare)
        if self.pipeline is not None:
            await self.pipeline.sync()
        self._heard()
        return cursor.rowcount

    async def copy(self, sql: bytes, rows: Iterable[Sequence[Cell]], types: Sequence[str]) -> None:
        """Send many rows by COPY."""
        async with self._cursor() as cursor, cursor.copy(sql) as copy:
            copy.set_types(types)
            for row in rows:
                await copy.write_row(row)
                self._heard()  # it takes them
        self._heard()

    def _asks(self, sql: bytes) -> None:
        if self.watch is not None:
            self.watch.asked = sql

    def _heard(self) -> None:
        if self.watch is not None:
            self.watch.heard()

    def _cursor(self) -> AsyncCursor[Row]:
        return AsyncCursor(self.connection, row_factory=tuple_row)


@dataclass(frozen=True, slots=True)
class BlockingAsked:
    """A statement that was answered on a caller's blocking connection."""

    cursor: psycopg.Cursor[Row]

    async def rows(self) -> list[Row]:
        """Return every row of the answer."""
        return self.cursor.fetchall()


@dataclass(frozen=True, slots=True)
class BlockingLine:
    """A caller's blocking connection: whoever awaits here is held up, so run it in a thread."""

    connection: psycopg.Connection[Any]

    async def ask(self, sql: bytes, values: Values) -> BlockingAsked:
        """Send a statement, and wait for its answer."""
        return BlockingAsked(self._cursor().execute(sql, values, prepare=False, binary=True))

    async def rows(self, sql: bytes, values: Values) -> list[Row]:
        """Return every row of a statement's answer."""
        return await (await self.ask(sql, values)).rows()

    async def change(self, sql: bytes, values: Values) -> int:
        """Return how many rows a statement changed."""
        return self._cursor().execute(sql, values, prepare=False).rowcount

    async def copy(self, sql: bytes, rows: Iterable[Sequence[Cell]], types: Sequence[str]) -> None:
        """Send many rows by COPY."""
        with self._cursor() as cursor, cursor.copy(sql) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)

    def _cursor(self) -> psycopg.Cursor[Row]:
        return psycopg.Cursor(self.connection, row_factory=tuple_row)
