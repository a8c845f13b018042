"""Stores as each released version left them: brought up to date, they are what a fresh one is.

No version was released yet, so that the one copy of each kind is of today's schema. Where its
migration was changed since, these tests say so: `python -m tests.migration.keeping`.
"""

import asyncio
import re
from contextlib import closing
from pathlib import Path

import apsw
import psycopg
import pytest

from ductape import Ductape
from ductape.stores.postgres.schema import migrating as on_server
from ductape.stores.postgres.server.address import address_of
from ductape.stores.sqlite import migrating as in_file
from ductape.stores.sqlite.file.statements import known_schema
from tests.migration.keeping import handlers, kept, restore_postgres, restore_sqlite
from tests.servers.postgres import PostgresServer

PATIENCE_S = 20

_DAY = r"history_(completed|failed)_\d{8}"
"""Days are made as time goes by: those of the copy are not those of today."""

_CATALOGUE = (
    """SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
        pg_get_expr(adbin, adrelid), attcollation::regcollation::text
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = %(schema)s::regnamespace AND attnum > 0 AND NOT attisdropped
        AND relkind IN ('r', 'p') ORDER BY relname, attnum""",
    """SELECT relname, relkind, reloptions, pg_get_expr(relpartbound, oid), pg_get_partkeydef(oid)
    FROM pg_class WHERE relnamespace = %(schema)s::regnamespace ORDER BY relname""",
    """SELECT tablename, indexname, indexdef FROM pg_indexes
    WHERE schemaname = %(schema)s ORDER BY indexname""",
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = %(schema)s::regnamespace ORDER BY 1, 2""",
)


def shape_of_file(path: Path) -> list[tuple[object, ...]]:
    """Describe every table and index of a file, and which migrations it had."""
    with closing(apsw.Connection(str(path))) as connection:
        tables = connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name")
        return [*tables, *connection.execute("SELECT * FROM migrations ORDER BY number")]


def shape_of_schema(url: str) -> list[str]:
    """Describe every table and index of a schema but those of days, and its migrations."""
    schema = address_of(url).schema
    with psycopg.connect(url.partition("?")[0]) as connection:
        rows = [row for sql in _CATALOGUE for row in connection.execute(sql, {"schema": schema})]
        rows += connection.execute(f"TABLE {schema}.migrations".encode())
    described = [re.sub(rf"\b{schema}\.", "", str(row)) for row in rows]
    return [line for line in described if not re.search(_DAY, line)]


@pytest.mark.parametrize("copy", kept("sqlite"), ids=lambda copy: copy.stem)
async def test_a_kept_file_becomes_what_a_fresh_one_is(copy: Path, folder: Path) -> None:
    old, fresh = folder / "old.db", folder / "fresh.db"
    restore_sqlite(copy, old)
    assert in_file.migrate(str(old)) == in_file.migrate(str(fresh)) == known_schema()
    assert shape_of_file(old) == shape_of_file(fresh)
    await goes_on(f"sqlite:///{old}")


@pytest.mark.parametrize("copy", kept("postgres"), ids=lambda copy: copy.stem)
async def test_a_kept_schema_becomes_what_a_fresh_one_is(
    copy: Path, server: PostgresServer
) -> None:
    old, fresh = restore_postgres(copy, server), f"{server.url}?schema=fresh"
    assert await on_server.migrate(old) == await on_server.migrate(fresh)
    assert shape_of_schema(old) == shape_of_schema(fresh)
    await goes_on(old)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_newest_schema_has_its_copy(kind: str) -> None:
    assert [path.stem for path in kept(kind)][-1] == f"{kind}-{known_schema().number:04d}"


async def goes_on(store: str) -> None:
    """Check that what was in a store is there, and that what waited runs."""
    async with Ductape.open(store, worker=False) as here:
        jobs = {job["key"]: job for job in await here.jobs.list()}
        assert await here.secrets.list(product="shop")
    assert {str(key): job["status"] for key, job in jobs.items()} == {
        "done": "completed",
        "failed": "failed",
        "later": "scheduled",
        "recurs": "scheduled",
    }
    assert jobs["done"]["result"] == 2
    assert jobs["done"]["metadata"] == {"who": "ada"}
    async with Ductape.open(store, handlers=handlers, worker=True) as here:
        await here.jobs.run_now(jobs["recurs"]["id"])
        async with asyncio.timeout(PATIENCE_S):
            async for view in here.jobs.watch(jobs["recurs"]["id"]):
                if view["execution_count"]:
                    break
    assert view["result"] == 4
