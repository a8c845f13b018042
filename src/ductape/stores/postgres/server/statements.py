"""The SQL of this store: one file for each table, one named statement for each operation.

The files name the schema `ductape`; another one is put in its place when they are read.
"""

import re
from functools import cache
from importlib.resources import files

from ductape.domain.schema import StoreSchema, oldest_after
from ductape.stores.postgres.rows.fresh import FRESH
from ductape.stores.postgres.rows.steps import STEP_COLUMNS
from ductape.stores.postgres.rows.values import (
    FINISHED_COLUMNS,
    INSERTED,
    RUN_COLUMNS,
    SCHEDULE_COLUMNS,
)

OWN_SCHEMA = "ductape"
_HELD = re.compile(r"\{(\w+)\}")
_SCHEMA_NAME = re.compile(rf"\b{OWN_SCHEMA}\b")

TAKEN = """state = 'running', fence = fence + 1, worker = %(worker)s,
    started_at = greatest(%(now)s, due_at),
    first_started_at = coalesce(first_started_at, greatest(%(now)s, due_at)),
    deadline_at = greatest(%(now)s, due_at) + timeout_ms + %(grace)s, stop_reason = NULL,
    updated_at = %(now)s"""
"""What becomes of a run that a worker takes, by whichever statement."""
CLAIM_COLUMNS = (
    "{run_columns}, (SELECT max(version) FROM ductape.products WHERE tag = runs.product)"
)
"""A run as it is claimed: its product's newest version comes last."""

_FRAGMENTS = {
    "{taken}": TAKEN,
    "{claim_columns}": CLAIM_COLUMNS,
    "{run_columns}": RUN_COLUMNS,
    "{finished_columns}": FINISHED_COLUMNS,
    "{schedule_columns}": SCHEDULE_COLUMNS,
    "{step_columns}": STEP_COLUMNS,
    "{fresh_columns}": ", ".join(FRESH),
    "{fresh_values}": ", ".join(f"%({name})s" for name in FRESH),
    "{inserted_columns}": ", ".join(INSERTED),
    "{inserted_values}": ", ".join(f"%({name})s" for name in INSERTED),
    "{inserted_arrays}": ", ".join(f"%({name})b::{kind}[]" for name, kind in INSERTED.items()),
}


class Statements:
    """The statements of one schema."""

    def __init__(self, schema: str) -> None:
        """Take the schema's name: a plain identifier (`address` sees to it)."""
        self.schema = schema
        self._read: dict[str, dict[str, bytes]] = {}

    def named(self, table: str, name: str) -> bytes:
        """Return one statement of `sql/<table>.sql`."""
        if table not in self._read:
            named = statements(table).items()
            self._read[table] = {each: self._placed(text) for each, text in named}
        return self._read[table][name]

    def migrations(self) -> tuple[tuple[int, str, bytes, str], ...]:
        """Return (number, name, SQL, SQL as it stands in its file) of each, in order."""
        return tuple((at, name, self._placed(text), text) for at, name, text in migrations())

    def _placed(self, text: str) -> bytes:
        return _SCHEMA_NAME.sub(self.schema, text).encode()


@cache
def statements(table: str) -> dict[str, str]:
    """Return the named statements of `sql/<table>.sql`, in the schema `ductape`.

    A statement begins with the line `-- name: its_name`; a later one may hold it as `{its_name}`.
    """
    text = (files("ductape.stores.postgres") / "sql" / f"{table}.sql").read_text(encoding="utf-8")
    for name, fragment in _FRAGMENTS.items():
        text = text.replace(name, fragment)
    named: dict[str, str] = {}
    for part in text.split("-- name: ")[1:]:
        name, body = part.split("\n", 1)
        named[name.strip()] = _HELD.sub(lambda held: named.get(held[1], held[0]), body).strip()
    return named


@cache
def migrations() -> tuple[tuple[int, str, str], ...]:
    """Return (number, name, SQL) of every migration, in order."""
    folder = files("ductape.stores.postgres") / "migrations"
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(
        (int(name[:4]), name[5:-4], (folder / name).read_text(encoding="utf-8")) for name in found
    )


@cache
def known_schema() -> StoreSchema:
    """Return how new a store is that this version has brought up to date."""
    oldest = max(oldest_after(sql) for _, _, sql in migrations())
    return StoreSchema(number=migrations()[-1][0], oldest=oldest)
