"""The stores that what a user does is proven on: one server a session, a database for each test."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.servers.moulds import cast, drop, make_mould
from tests.servers.postgres import PostgresServer, postgres_server

KEY = "k1:" + "A" * 43
"""A store on a server has no file beside it for a key."""
LOOPBACK = "127.0.0.0/8, ::1/128"
"""What a store on a server does not grant by itself: the tests' receivers are there."""

_made = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """Run a PostgreSQL for all tests that ask for one."""
    with postgres_server() as running:
        make_mould(running.url)
        yield running


@pytest.fixture
def database(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the URL of a database with an empty store in it."""
    monkeypatch.setenv("DUCTAPE_KEY", KEY)
    monkeypatch.setenv("DUCTAPE_EGRESS_ALLOW_PRIVATE", LOOPBACK)
    name = f"test_{next(_made)}"
    yield cast(server.url, name)
    drop(server.url, name)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty store, one of each kind after the other."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/a.db"
    return request.getfixturevalue("database")
