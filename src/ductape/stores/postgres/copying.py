"""Reading a PostgreSQL store whole, page by page, and filling an empty one (SPEC 10).

Tables, columns and keys are those of the schema itself. On their way booleans are numbers, arrays
are JSON text, and two columns have the names that they may not have here.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection
from psycopg.sql import SQL, Composed, Identifier, Literal, Placeholder

from ductape.domain.portable import OPENING_LEAVES, STAYS, Cell, Kind, Row, Shape, without_nul
from ductape.ports.stores.copying import PAGE_BYTES, PAGE_ROWS, Page, Refusal
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.lines import AsyncLine
from ductape.stores.postgres.server.transaction import Transaction

_FETCH = b"FETCH 64 FROM page"
"""A page is fetched in few rows at a time: each may hold an input, a result and attempts."""

_KINDS: Mapping[str, Kind] = {
    "text": "text",
    "text[]": "text",
    "bytea": "bytes",
    "boolean": "number",
    "smallint": "number",
    "integer": "number",
    "bigint": "number",
    "double precision": "number",
}
_PORTABLE_NAMES = {"session_user_id": "session_user", "user_id": "user"}
"""`session_user` and `user` are words of PostgreSQL's own."""


class _Column(Struct, frozen=True):
    """One column of the schema."""

    name: str
    type: str
    identity: bool
    """Numbered by the server."""
    place: int | None
    """In the primary key."""

    @property
    def portable(self) -> str:
        """The name that every store has for it."""
        return _PORTABLE_NAMES.get(self.name, self.name)


class _Table(Struct, frozen=True):
    """One table of the schema."""

    name: Composed
    columns: tuple[_Column, ...]
    """In the order in which rows travel."""
    key: tuple[str, ...]

    @property
    def shape(self) -> Shape:
        """What it holds, whatever the database."""
        return Shape({column.portable: _KINDS[column.type] for column in self.columns})


class PostgresCopying:
    """Where whole stores are read and filled."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine

    async def shapes(self) -> dict[str, Shape]:
        """Return the tables that are copied."""
        found = await self._engine.read(_tables)
        return {name: table.shape for name, table in found.items()}

    async def count(self, table: str) -> int:
        """Count a table's rows."""

        async def step(transaction: Transaction) -> int:
            return await _count(transaction, (await _tables(transaction))[table])

        return await self._engine.read(step, unhurried=True)

    async def page(
        self, table: str, *, after: tuple[Cell, ...] | None, most: int = PAGE_ROWS
    ) -> Page:
        """Return the rows whose key is greater than `after`; cells in the order of the shape."""

        async def step(transaction: Transaction) -> Page:
            return await _page(transaction, (await _tables(transaction))[table], after, most)

        return await self._engine.read(step, unhurried=True)

    async def unfinished(self) -> str | None:
        """Tell where a copy into this store comes from that did not get to its end."""
        return await self._engine.single(_unfinished)

    async def begin(self, origin: str, *, again: bool, now_ms: int) -> Refusal | None:
        """Mark an empty store as being filled; `again` first empties one that is so marked."""
        return await self._engine.write(
            lambda t: _begin(t, origin, again=again, now_ms=now_ms), unhurried=True
        )

    async def load(self, table: str, rows: Sequence[Row]) -> None:
        """Store rows; cells in the order of the shape. Durable on return."""

        async def step(transaction: Transaction) -> None:
            await _load(transaction, (await _tables(transaction))[table], rows)

        await self._engine.write(step, unhurried=True)

    async def finish(self) -> None:
        """Take the mark away: the copy is whole. The server goes on numbering above its rows."""
        await self._engine.write(_finish, unhurried=True)


async def _tables(transaction: Transaction) -> dict[str, _Table]:
    rows = await transaction.rows("copying", "columns")
    schema = transaction.statements.schema
    return {
        name: _table(schema, name, [_Column(*row[1:]) for row in columns])
        for name, columns in groupby(rows, key=lambda row: str(row[0]))
        if name not in STAYS
    }


def _table(schema: str, name: str, columns: Sequence[_Column]) -> _Table:
    key = sorted((c.place, c.name) for c in columns if c.place is not None)
    return _Table(
        name=SQL(".").join([Identifier(schema), Identifier(name)]),
        columns=tuple(sorted(columns, key=lambda column: column.portable)),
        key=tuple(name for _, name in key),
    )


def _connection(transaction: Transaction) -> AsyncConnection[Any]:
    """Return our own connection: what is copied is named by the database's own catalogue."""
    line = transaction.line
    if not isinstance(line, AsyncLine):
        raise TypeError("a store is copied on a connection of its own")
    return line.connection


async def _page(
    transaction: Transaction, table: _Table, after: tuple[Cell, ...] | None, most: int
) -> Page:
    key = _listed(table.key)
    beyond = SQL("") if after is None else _beyond(key, len(after))
    query = SQL("DECLARE page CURSOR FOR SELECT {} FROM {} {} ORDER BY {} LIMIT {}").format(
        _listed([c.name for c in table.columns]), table.name, beyond, key, Literal(most)
    )
    rows: list[Row] = []
    size = 0
    connection = _connection(transaction)
    await connection.execute(query, after)
    # Not the driver's own cursor: it stays open for ever if the line breaks before its end.
    while size < PAGE_BYTES and (fetched := await _fetched(connection)):
        for row in fetched:
            rows.append(tuple(map(_portable, row)))
            size += sum(len(cell) for cell in row if isinstance(cell, str | bytes))
    await connection.execute(b"CLOSE page")
    if not rows:
        return Page([], None)
    places = [[c.name for c in table.columns].index(name) for name in table.key]
    return Page(rows, tuple(rows[-1][at] for at in places))


async def _fetched(connection: AsyncConnection[Any]) -> list[Row]:
    cursor = await connection.execute(_FETCH, binary=True)
    return await cursor.fetchall()


async def _begin(
    transaction: Transaction, origin: str, *, again: bool, now_ms: int
) -> Refusal | None:
    tables = await _tables(transaction)
    unfinished = await _unfinished(transaction)
    emptied = OPENING_LEAVES if unfinished is None else frozenset(tables)
    if unfinished is not None and not again:
        return Refusal({}, unfinished)
    rest = {name: table for name, table in tables.items() if name not in emptied}
    counts = {name: await _count(transaction, table) for name, table in rest.items()}
    used = {name: count for name, count in counts.items() if count}
    if used:
        return Refusal(used, None)
    for name in sorted(emptied):
        await _connection(transaction).execute(SQL("DELETE FROM {}").format(tables[name].name))
    await transaction.change("copying", "mark", {"origin": origin, "now": now_ms})
    return None


async def _load(transaction: Transaction, table: _Table, rows: Sequence[Row]) -> None:
    query = SQL("COPY {} ({}) FROM STDIN").format(
        table.name, _listed([column.name for column in table.columns])
    )
    async with _connection(transaction).cursor() as cursor, cursor.copy(query) as copy:
        for row in rows:
            cells = zip(table.columns, row, strict=True)
            await copy.write_row([_own(column, cell) for column, cell in cells])


async def _finish(transaction: Transaction) -> None:
    for table in (await _tables(transaction)).values():
        for column in table.columns:
            if column.identity:
                await _number_on(transaction, table, column.name)
    await transaction.change("copying", "unmark")


async def _number_on(transaction: Transaction, table: _Table, column: str) -> None:
    whole = Literal(table.name.as_string())
    query = SQL(
        "SELECT setval(pg_get_serial_sequence({}, {}), max({})) FROM {} HAVING count(*) > 0"
    )
    await _connection(transaction).execute(
        query.format(whole, Literal(column), Identifier(column), table.name)
    )


async def _unfinished(transaction: Transaction) -> str | None:
    return await transaction.cell("copying", "unfinished")


async def _count(transaction: Transaction, table: _Table) -> int:
    cursor = await _connection(transaction).execute(
        SQL("SELECT count(*) FROM {}").format(table.name)
    )
    row = await cursor.fetchone()
    return 0 if row is None else row[0]


def _portable(cell: object) -> Cell:
    match cell:
        case bool():
            return int(cell)
        case list():
            return msgspec.json.encode(cell).decode()
        case None | str() | int() | float() | bytes():
            return cell
        case _:
            raise TypeError(type(cell).__name__)


def _own(column: _Column, cell: Cell) -> object:
    """Return a cell as its column takes it."""
    match column.type, cell:
        case "boolean", int():
            return bool(cell)
        case "text[]", str():
            return msgspec.json.decode(cell)
        case "text", str():
            return without_nul(column.name, cell)
        case _:
            return cell


def _beyond(key: Composed, size: int) -> Composed:
    marks = SQL(", ").join([Placeholder()] * size)
    return SQL("WHERE ({}) > ({})").format(key, marks)


def _listed(columns: Sequence[str]) -> Composed:
    return SQL(", ").join(map(Identifier, columns))
