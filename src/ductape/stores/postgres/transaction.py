"""An open transaction, in which the named statements of one schema are run.

Answers come in PostgreSQL's binary form: bytea as it is, no text to be parsed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from ductape.stores.postgres.rows import Cell, Row, Values
from ductape.stores.postgres.statements import Statements

Connection = AsyncConnection[Row]

NO_VALUES: Values = {}


@dataclass(frozen=True, slots=True)
class Transaction:
    """Runs statements on one connection; whoever opened it ends it."""

    connection: Connection
    statements: Statements

    async def rows(self, table: str, name: str, values: Values = NO_VALUES) -> list[Row]:
        """Return every row of a statement's answer."""
        sql = self.statements.named(table, name)
        cursor = await self.connection.execute(sql, values, binary=True)
        return await cursor.fetchall()

    async def row(self, table: str, name: str, values: Values = NO_VALUES) -> Row | None:
        """Return the first row, or none."""
        rows = await self.rows(table, name, values)
        return rows[0] if rows else None

    async def cell(self, table: str, name: str, values: Values = NO_VALUES) -> Any:  # noqa: ANN401 (the column's type)
        """Return the first cell of the first row, or none."""
        row = await self.row(table, name, values)
        return None if row is None else row[0]

    async def copy(
        self, table: str, name: str, rows: Sequence[Mapping[str, Cell]], types: Mapping[str, str]
    ) -> None:
        """Send many rows by COPY; `types` are those of the columns, in the statement's order."""
        sql = self.statements.named(table, name)
        async with self.connection.cursor() as cursor, cursor.copy(sql) as copy:
            copy.set_types(list(types.values()))
            for row in rows:
                await copy.write_row([row[column] for column in types])

    async def change(self, table: str, name: str, values: Values = NO_VALUES) -> int:
        """Return how many rows a statement changed."""
        cursor = await self.connection.execute(self.statements.named(table, name), values)
        return cursor.rowcount
