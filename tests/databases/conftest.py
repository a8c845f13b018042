"""The databases that actions are proven on: one server of each kind a session."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import apsw
import psycopg
import pytest

from ductape.domain.egress import EgressPolicy
from ductape.domain.jsonvalue import JsonObject
from ductape.handlers.database import DatabaseHandler
from ductape.providers.databases import FileRules, PooledDatabases
from tests.databases.grounds import Ground
from tests.servers.mariadb import MariaDb, mariadb, programs
from tests.servers.postgres import PostgresServer, postgres_server
from tests.servers.secantus import Secantus, secantus
from tests.unit.handlers.builders import FixedClock

_made = count(1)

PEOPLE = "CREATE TABLE people (id integer PRIMARY KEY, name varchar(4000) UNIQUE, age integer)"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture(scope="session")
def maria() -> Iterator[MariaDb]:
    found = programs()
    if found is None:
        pytest.skip("mariadb-server is not installed: apt-get install mariadb-server")
    with mariadb(found) as running:
        yield running


@pytest.fixture(scope="session")
def secantus_server() -> Iterator[Secantus]:
    with secantus("--enable-test-commands") as running:
        yield running


@asynccontextmanager
async def ground(place: JsonObject, root: object, *roots: Path) -> AsyncIterator[Ground]:
    """Give a handler whose files are below some folders, and which may reach this machine."""
    rules = FileRules(tuple(str(one) for one in roots))
    databases = PooledDatabases(EgressPolicy(grant_loopback=True), rules)
    yield Ground(place, DatabaseHandler(databases, FixedClock()), databases, root)  # pyright: ignore[reportArgumentType]
    await databases.aclose()


@pytest.fixture
async def on_sqlite(tmp_path: Path) -> AsyncIterator[Ground]:
    """Give an empty SQLite file."""
    file = apsw.Connection(str(tmp_path / "shop.db"))
    place: JsonObject = {"database_type": "sqlite", "url": "sqlite:///shop.db"}
    async with ground(place, lambda sql: [*file.execute(sql)], tmp_path) as made:
        yield made
    file.close()


@pytest.fixture
async def on_postgres(postgres: PostgresServer) -> AsyncIterator[Ground]:
    """Give an empty PostgreSQL database."""
    name = f"test_{next(_made)}"
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    url = f"{postgres.url.removesuffix('/postgres')}/{name}"
    with psycopg.connect(url, autocommit=True) as connection:

        def root(sql: str) -> list[tuple[object, ...]]:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

        place: JsonObject = {"database_type": "postgresql", "url": url}
        async with ground(place, root) as made:
            yield made


@pytest.fixture
async def on_mariadb(maria: MariaDb) -> AsyncIterator[Ground]:
    """Give an empty MariaDB database."""
    name = f"test_{next(_made)}"
    maria.sql(f"CREATE DATABASE {name}")
    place: JsonObject = {"database_type": "mariadb", "url": f"{maria.url}/{name}"}
    async with ground(place, lambda sql: maria.sql(sql, name)) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def on_each(request: pytest.FixtureRequest) -> Ground:
    """Give an empty database of each kind that speaks SQL."""
    made: Ground = request.getfixturevalue(f"on_{request.param}")
    made.root(PEOPLE)
    return made
