"""Reading a SQLite store whole, page by page, and filling an empty one (SPEC 10).

Tables, columns and keys are those of the file itself; their names are quoted, never a caller's.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import cast

from msgspec import Struct

from ductape.domain.portable import OPENING_LEAVES, STAYS, Cell, Kind, Row, Shape
from ductape.ports.stores.copying import PAGE_BYTES, PAGE_ROWS, Page, Refusal
from ductape.stores.sqlite.connection import Connection
from ductape.stores.sqlite.file.engine import Engine
from ductape.stores.sqlite.file.statements import statements

_KINDS: dict[str, Kind] = {"TEXT": "text", "BLOB": "bytes", "INTEGER": "number", "REAL": "number"}


class _Table(Struct, frozen=True):
    """One table of the file."""

    name: str
    shape: Shape
    key: tuple[str, ...]
    """The columns of its primary key."""


class SqliteCopying:
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
        return await self._engine.read(lambda c: _count(c, table))

    async def page(
        self, table: str, *, after: tuple[Cell, ...] | None, most: int = PAGE_ROWS
    ) -> Page:
        """Return the rows whose key is greater than `after`; cells in the order of the shape."""
        return await self._engine.read(lambda c: _page(c, _tables(c)[table], after, most))

    async def unfinished(self) -> str | None:
        """Tell where a copy into this store comes from that did not get to its end."""
        return await self._engine.read(_unfinished)

    async def begin(self, origin: str, *, again: bool, now_ms: int) -> Refusal | None:
        """Mark an empty store as being filled; `again` first empties one that is so marked."""
        return await self._engine.write(lambda c: _begin(c, origin, again=again, now_ms=now_ms))

    async def load(self, table: str, rows: Sequence[Row]) -> None:
        """Store rows; cells in the order of the shape. Durable on return."""
        await self._engine.write(lambda c: _load(c, _tables(c)[table], rows))

    async def finish(self) -> None:
        """Take the mark away: the copy is whole."""
        sql = statements("copying")["unmark"]
        await self._engine.write(lambda c: c.execute(sql))


def _tables(connection: Connection) -> dict[str, _Table]:
    rows = connection.execute(statements("copying")["columns"]).fetchall()
    by_table = groupby(rows, key=lambda row: cast("str", row[0]))
    return {name: _table(name, [*columns]) for name, columns in by_table if name not in STAYS}


def _table(name: str, columns: Sequence[tuple[str, str, str, int]]) -> _Table:
    key = sorted((place, column) for _, column, _, place in columns if place)
    return _Table(
        name=name,
        shape=Shape({column: _KINDS[kind] for _, column, kind, _ in columns}),
        key=tuple(column for _, column in key),
    )


def _page(connection: Connection, table: _Table, after: tuple[Cell, ...] | None, most: int) -> Page:
    columns = table.shape.columns
    key = _listed(table.key)
    beyond = "" if after is None else f"WHERE ({key}) > ({_marks(table.key)})"
    sql = (
        f"SELECT {_listed(columns)} FROM {_quoted(table.name)}"  # noqa: S608 (names of the file)
        f" {beyond} ORDER BY {key} LIMIT {most:d}"
    )
    rows: list[Row] = []
    size = 0
    for row in connection.execute(sql, after):
        rows.append(row)
        size += sum(len(cell) for cell in row if isinstance(cell, str | bytes))
        if size >= PAGE_BYTES:
            break
    if not rows:
        return Page([], None)
    places = [columns.index(column) for column in table.key]
    return Page(rows, tuple(rows[-1][at] for at in places))


def _begin(connection: Connection, origin: str, *, again: bool, now_ms: int) -> Refusal | None:
    tables = _tables(connection)
    unfinished = _unfinished(connection)
    emptied = OPENING_LEAVES if unfinished is None else frozenset(tables)
    if unfinished is not None and not again:
        return Refusal({}, unfinished)
    counts = {name: _count(connection, name) for name in tables if name not in emptied}
    used = {name: count for name, count in counts.items() if count}
    if used:
        return Refusal(used, None)
    for name in emptied:
        connection.execute(f"DELETE FROM {_quoted(name)}")  # noqa: S608 (names of the file)
    connection.execute(statements("copying")["mark"], {"origin": origin, "now": now_ms})
    return None


def _load(connection: Connection, table: _Table, rows: Sequence[Row]) -> None:
    columns = table.shape.columns
    sql = (
        f"INSERT INTO {_quoted(table.name)}"  # noqa: S608 (names of the file)
        f" ({_listed(columns)}) VALUES ({_marks(columns)})"
    )
    connection.executemany(sql, rows)


def _unfinished(connection: Connection) -> str | None:
    row = connection.execute(statements("copying")["unfinished"]).fetchone()
    return None if row is None else row[0]


def _count(connection: Connection, table: str) -> int:
    sql = f"SELECT count(*) FROM {_quoted(table)}"  # noqa: S608 (names of the file)
    return connection.execute(sql).get


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(map(_quoted, columns))


def _marks(columns: Sequence[str]) -> str:
    return ", ".join("?" * len(columns))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
