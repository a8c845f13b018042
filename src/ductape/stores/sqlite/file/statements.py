"""The SQL of this store: one file for each table, one named statement for each operation."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import chain

from ductape.domain.schema import StoreSchema, oldest_after
from ductape.stores.sqlite.connection import Cell
from ductape.stores.sqlite.rows.steps import STEP_COLUMNS
from ductape.stores.sqlite.rows.values import (
    FINISHED_COLUMNS,
    FRESH_COLUMNS,
    RUN_COLUMNS,
    SCHEDULE_COLUMNS,
)

_COLUMNS = {
    "{run_columns}": RUN_COLUMNS,
    "{finished_columns}": FINISHED_COLUMNS,
    "{schedule_columns}": SCHEDULE_COLUMNS,
    "{step_columns}": STEP_COLUMNS,
    "{fresh_columns}": FRESH_COLUMNS,
}

_ROWS = re.compile(r"\{rows of (\d+)\}")

Placed = tuple[Cell, ...]
"""The values of one row, by their places."""

BATCHES = (64, 16, 4, 1)
"""How many rows go into one statement: few sizes, so that each is prepared once."""


@cache
def statements(table: str) -> dict[str, str]:
    """Return the named statements of `sql/<table>.sql`.

    A statement begins with the line `-- name: its_name`.
    """
    text = (files("ductape.stores.sqlite") / "sql" / f"{table}.sql").read_text(encoding="utf-8")
    for name, columns in _COLUMNS.items():
        text = text.replace(name, columns)
    parts = text.split("-- name: ")[1:]
    named = (part.split("\n", 1) for part in parts)
    return {name.strip(): body.strip() for name, body in named}


def batched(table: str, name: str, rows: Sequence[Placed]) -> Iterator[tuple[str, Sequence[Cell]]]:
    """Return statements, each with its values, that together do for all rows what one does.

    The statement has `{rows of N}` where they go, N values each. One statement for many rows costs
    half of as many executions, and hands Python's lock over once.
    """
    at = 0
    for size in BATCHES:
        while len(rows) - at >= size:
            yield _of(table, name, size), [*chain.from_iterable(rows[at : at + size])]
            at += size


@cache
def _of(table: str, name: str, count: int) -> str:
    """Return a statement for so many rows."""

    def places(width: re.Match[str]) -> str:
        return ", ".join([f"({', '.join('?' * int(width[1]))})"] * count)

    return _ROWS.sub(places, statements(table)[name])


@cache
def migrations() -> tuple[tuple[int, str, str], ...]:
    """Return (number, name, SQL) of every migration, in order."""
    folder = files("ductape.stores.sqlite") / "migrations"
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(
        (int(name[:4]), name[5:-4], (folder / name).read_text(encoding="utf-8")) for name in found
    )


@cache
def known_schema() -> StoreSchema:
    """Return how new a store is that this version has brought up to date."""
    oldest = max(oldest_after(sql) for _, _, sql in migrations())
    return StoreSchema(number=migrations()[-1][0], oldest=oldest)
