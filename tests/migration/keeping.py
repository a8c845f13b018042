"""Copies of stores as released versions left them, as SQL; and how to make one of today's.

`python -m tests.migration.keeping` writes the copies of the newest schema anew: before a release
that changes it, or, while no release was made, whenever its own migration was changed.
"""

import asyncio
import os
import re
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import psycopg

from ductape import Ductape, Handlers, JobFailed
from ductape.stores.sqlite.file.opening import APPLICATION_ID
from ductape.stores.sqlite.file.statements import known_schema
from tests.migration.fleet import KEY, PRODUCT, a_request
from tests.servers.postgres import PostgresServer, postgres_server

KEPT = Path(__file__).with_name("kept")
YEARS_AHEAD_MS = 4_000_000_000_000
SCHEMA = "kept"

handlers = Handlers()


@handlers.job("count")
def count(given: dict[str, int]) -> int:
    return given["n"] + 1


@handlers.job("hold")
def hold() -> None:
    raise RuntimeError("this one fails")


async def live_in(store: str) -> None:
    """Leave a store as it is after a little use: runs that ended, failed, wait and recur."""
    async with Ductape.open(store, handlers=handlers, worker=True) as here:
        await here.products.apply(PRODUCT)
        await here.secrets.set("token", "hush", product="shop")
        job = here.processor.job
        await job.schedule(a_request(input={"n": 1}, key="done", metadata={"who": "ada"}))
        with suppress(JobFailed):  # as it should
            await job.schedule(a_request("hold", key="failed"))
        await job.dispatch(a_request(input={"n": 2}, key="later", start_at=YEARS_AHEAD_MS))
        repeat = {"every": 86_400_000}
        await job.dispatch(
            a_request(input={"n": 3}, key="recurs", start_at=YEARS_AHEAD_MS, repeat=repeat)
        )


def sqlite_dump(path: Path) -> str:
    """Write a file out as SQL."""
    with closing(apsw.Connection(str(path))) as connection:
        lines = ["BEGIN;"]
        for kind, name, sql in connection.execute(
            "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC"
        ).fetchall():
            lines.append(f"{sql};")
            if kind == "table":
                for row in connection.execute(f"SELECT * FROM {name}"):  # noqa: S608 (our own table)
                    cells = ", ".join(apsw.format_sql_value(cell) for cell in row)
                    lines.append(f"INSERT INTO {name} VALUES ({cells});")  # noqa: S608 (as above)
        version = connection.pragma("user_version")
    lines += [
        f"PRAGMA user_version = {version};",
        f"PRAGMA application_id = {APPLICATION_ID};",
        "COMMIT;",
    ]
    return "\n".join(lines) + "\n"


def postgres_dump(server: PostgresServer) -> str:
    """Write the schema out as SQL."""
    words = ("--inserts", "--no-owner", f"--schema={SCHEMA}", f"--dbname={server.url}")
    done = subprocess.run(  # noqa: S603 (the packaged program)
        [server.program("pg_dump"), *words], capture_output=True, text=True, check=True
    )
    # Lines for the terminal program alone, comments and settings of newer servers are left out.
    unwanted = re.compile(r"^(\\.*|--.*|SET .*|SELECT pg_catalog\.set_config.*|)\n", re.MULTILINE)
    return unwanted.sub("", done.stdout)


def kept(kind: str) -> list[Path]:
    """Return the copies of one kind of store, oldest first."""
    return sorted(KEPT.glob(f"{kind}-*.sql"))


def restore_sqlite(copy: Path, path: Path) -> None:
    """Make a file of a copy."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(copy.read_text(encoding="utf-8"))


def restore_postgres(copy: Path, server: PostgresServer) -> str:
    """Make a schema of a copy; return its URL."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.execute(copy.read_bytes())
    return f"{server.url}?schema={SCHEMA}"


async def _keep() -> None:
    os.environ["DUCTAPE_KEY"] = KEY
    KEPT.mkdir(exist_ok=True)
    number = known_schema().number
    with TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.db"
        await live_in(f"sqlite:///{path}")
        (KEPT / f"sqlite-{number:04d}.sql").write_text(sqlite_dump(path), encoding="utf-8")
    with postgres_server() as server:
        await live_in(f"{server.url}?schema={SCHEMA}")
        dump = postgres_dump(server)
        (KEPT / f"postgres-{number:04d}.sql").write_text(dump, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(_keep())
