"""The SQL of this store: one file for each table, one named statement for each operation."""

from functools import cache
from importlib.resources import files

from ductape.stores.sqlite.rows import (
    FINISHED_COLUMNS,
    FRESH_COLUMNS,
    FRESH_PLACES,
    RUN_COLUMNS,
    SCHEDULE_COLUMNS,
)

_COLUMNS = {
    "{run_columns}": RUN_COLUMNS,
    "{finished_columns}": FINISHED_COLUMNS,
    "{schedule_columns}": SCHEDULE_COLUMNS,
    "{fresh_columns}": FRESH_COLUMNS,
    "{fresh_places}": FRESH_PLACES,
}


@cache
def statements(table: str) -> dict[str, str]:
    """Return the named statements of `sql/<table>.sql`.

    A statement begins with the line `-- name: its_name`.
    """
    text = (files(__package__ or "") / "sql" / f"{table}.sql").read_text(encoding="utf-8")
    for name, columns in _COLUMNS.items():
        text = text.replace(name, columns)
    parts = text.split("-- name: ")[1:]
    named = (part.split("\n", 1) for part in parts)
    return {name.strip(): body.strip() for name, body in named}


@cache
def migrations() -> tuple[tuple[int, str, str], ...]:
    """Return (number, name, SQL) of every migration, in order."""
    folder = files(__package__ or "") / "migrations"
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(
        (int(name[:4]), name[5:-4], (folder / name).read_text(encoding="utf-8")) for name in found
    )
