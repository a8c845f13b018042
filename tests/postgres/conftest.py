"""One PostgreSQL for these tests, a schema of its own for each."""

from collections.abc import AsyncIterator, Iterator
from itertools import count

import psycopg
import pytest

from ductape.stores.postgres.store import PostgresStore, open_postgres
from tests.builders import decide
from tests.postgres.counting import at_rest
from tests.servers.postgres import PostgresServer, postgres_server
from tests.servers.proxy import Proxy

_made = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def url(server: PostgresServer) -> str:
    """Give the URL of a schema that is not there yet."""
    return f"{server.url}?schema=s{next(_made)}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    opened = await open_postgres(url, decide=decide, token="here")
    yield opened
    await opened.aclose()


@pytest.fixture
async def line(server: PostgresServer) -> AsyncIterator[Proxy]:
    """Give a line to the server that a test may cut."""
    opened = Proxy(server.port)
    await opened.open()
    yield opened
    await opened.aclose()


@pytest.fixture
async def far(server: PostgresServer, url: str, line: Proxy) -> AsyncIterator[PostgresStore]:
    """Give a store at the other end of the line."""
    there = url.replace(f":{server.port}", f":{line.port}")
    opened = await open_postgres(there, decide=decide, token="t")
    yield opened
    await opened.aclose()


@pytest.fixture
def root(server: PostgresServer) -> Iterator[psycopg.Connection]:
    """Give the server's own administrator."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def quiet(root: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Give the administrator of a server that changes nothing but what it is asked to."""
    with at_rest(root):
        yield root
