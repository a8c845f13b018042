"""Both kinds of store, each with processes of its own and a folder of theirs."""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.migration.fleet import KEY, Fleet
from tests.servers.postgres import PostgresServer, postgres_server

_made = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCTAPE_KEY", KEY)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder with a short path, so that sockets fit beside a file in it."""
    with TemporaryDirectory(prefix="dt-") as made:
        yield Path(made)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, folder: Path) -> str:
    """Give the URL of a store that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{folder}/jobs.db"
    server: PostgresServer = request.getfixturevalue("server")
    return f"{server.url}?schema=m{next(_made)}"


@pytest.fixture
async def fleet(store: str, folder: Path) -> AsyncIterator[Fleet]:
    """Give what starts processes on the store."""
    processes = Fleet(store, folder)
    yield processes
    await processes.aclose()
