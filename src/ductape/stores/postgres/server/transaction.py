"""An open transaction, in which the named statements of one schema are run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from ductape.stores.postgres.rows.values import Cell, Row, Values
from ductape.stores.postgres.server.lines import Asked, Line
from ductape.stores.postgres.server.statements import Statements

Connection = AsyncConnection[Row]

NO_VALUES: Values = {}


@dataclass(frozen=True, slots=True)
class Transaction:
    """Runs statements on one connection; whoever opened it ends it."""

    line: Line
    statements: Statements

    async def ask(self, table: str, name: str, values: Values = NO_VALUES) -> Asked:
        """Send a statement; within a pipeline, without waiting for its answer."""
        return await self.line.ask(self.statements.named(table, name), values)

    async def rows(self, table: str, name: str, values: Values = NO_VALUES) -> list[Row]:
        """Return every row of a statement's answer."""
        return await self.line.rows(self.statements.named(table, name), values)

    async def row(self, table: str, name: str, values: Values = NO_VALUES) -> Row | None:
        """Return the first row, or none."""
        rows = await self.rows(table, name, values)
        return rows[0] if rows else None

    async def cell(self, table: str, name: str, values: Values = NO_VALUES) -> Any:  # noqa: ANN401 (the column's type)
        """Return the first cell of the first row, or none."""
        row = await self.row(table, name, values)
        return None if row is None else row[0]

    async def copy(
        self, table: str, name: str, rows: Iterable[Sequence[Cell]], types: Mapping[str, str]
    ) -> None:
        """Send many rows by COPY; `types` are those of the columns, in the statement's order."""
        await self.line.copy(self.statements.named(table, name), rows, list(types.values()))

    async def change(self, table: str, name: str, values: Values = NO_VALUES) -> int:
        """Return how many rows a statement changed."""
        return await self.line.change(self.statements.named(table, name), values)
