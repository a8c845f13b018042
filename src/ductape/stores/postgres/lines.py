"""A connection, as the statements of a transaction are run on it: one that awaits, one that blocks.

Answers come in PostgreSQL's binary form: bytea as it is, no text to be parsed. Whatever the
connection's owner has chosen (rows as dictionaries, cursors that bind by themselves) is left aside.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import tuple_row

from ductape.stores.postgres.rows import Cell, Row, Values


class Line(Protocol):
    """Runs statements."""

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
class AsyncLine:
    """A connection of this event loop."""

    connection: AsyncConnection[Any]
    prepare: bool | None = None
    """Whether the server keeps a statement for the next time; none: once it was run often."""

    async def rows(self, sql: bytes, values: Values) -> list[Row]:
        """Return every row of a statement's answer."""
        cursor = await self._cursor().execute(sql, values, prepare=self.prepare, binary=True)
        return await cursor.fetchall()

    async def change(self, sql: bytes, values: Values) -> int:
        """Return how many rows a statement changed."""
        cursor = await self._cursor().execute(sql, values, prepare=self.prepare)
        return cursor.rowcount

    async def copy(self, sql: bytes, rows: Iterable[Sequence[Cell]], types: Sequence[str]) -> None:
        """Send many rows by COPY."""
        async with self._cursor() as cursor, cursor.copy(sql) as copy:
            copy.set_types(types)
            for row in rows:
                await copy.write_row(row)

    def _cursor(self) -> AsyncCursor[Row]:
        return AsyncCursor(self.connection, row_factory=tuple_row)


@dataclass(frozen=True, slots=True)
class BlockingLine:
    """A caller's blocking connection: whoever awaits here is held up, so run it in a thread."""

    connection: psycopg.Connection[Any]

    async def rows(self, sql: bytes, values: Values) -> list[Row]:
        """Return every row of a statement's answer."""
        return self._cursor().execute(sql, values, prepare=False, binary=True).fetchall()

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
