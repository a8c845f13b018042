"""What waited when a store learnt of expiry expires as if it had been stored since."""

import json
from contextlib import closing
from pathlib import Path

import apsw
import psycopg
from psycopg import sql

from ductape.ports.stores import Store
from ductape.stores.postgres.store import open_postgres
from ductape.stores.sqlite.store import open_sqlite
from tests.builders import decide
from tests.migration.keeping import (
    KEPT,
    SCHEMA,
    YEARS_AHEAD_MS,
    restore_postgres,
    restore_sqlite,
)
from tests.servers.postgres import PostgresServer

BEFORE = "0005"
EXPIRES_MS = 7


async def test_in_a_file(folder: Path) -> None:
    path = folder / "old.db"
    restore_sqlite(KEPT / f"sqlite-{BEFORE}.sql", path)
    with closing(apsw.Connection(str(path))) as connection:
        [spec] = (
            connection.execute("SELECT spec FROM runs WHERE job_key = 'later'").fetchone() or ()
        )
        change = "UPDATE runs SET spec = ? WHERE job_key = 'later'"
        connection.execute(change, (with_expiry(spec),))
    store = open_sqlite(str(path), decide=decide, token="one")
    assert await expired(store) == [EXPIRES_MS]
    await store.aclose()


async def test_on_a_server(server: PostgresServer) -> None:
    url = restore_postgres(KEPT / f"postgres-{BEFORE}.sql", server)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(SCHEMA)))
        asked = "SELECT spec FROM runs WHERE job_key = 'later'"
        [spec] = connection.execute(asked).fetchone() or ()
        change = "UPDATE runs SET spec = %s WHERE job_key = 'later'"
        connection.execute(change, (with_expiry(spec),))
    store = await open_postgres(url, decide=decide, token="one")
    assert await expired(store) == [EXPIRES_MS]
    await store.aclose()


def with_expiry(spec: bytes) -> bytes:
    """Give a job an expiry, and an input that looks like one."""
    known = json.loads(spec)
    given = {"expires_at_ms": 1, "said": '"expires_at_ms":2'}
    return json.dumps(
        known | {"input": given, "expires_at_ms": EXPIRES_MS}, separators=(",", ":")
    ).encode()


async def expired(store: Store) -> list[int | None]:
    claims = await store.upkeep.expired(now_ms=YEARS_AHEAD_MS, limit=9)
    return [claim.run.spec.expires_at_ms for claim in claims]
