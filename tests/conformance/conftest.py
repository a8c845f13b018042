"""The fixture that every conformance test runs against: each kind of store, one after another."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ductape.ports.stores import Store
from tests.conformance.openers import OPENERS, SCHEMA, Opener, drop_all
from tests.servers.moulds import make_mould
from tests.servers.postgres import URL_VARIABLE, postgres_server

MEMORY = "/dev/shm"  # noqa: S108 (a folder of random name is made in it)

OpenAgain = Callable[[], Awaitable[Store]]


@pytest.fixture(scope="session", autouse=True)
def server() -> Iterator[None]:
    """Run one PostgreSQL for the whole session; each place has a database of its own in it."""
    with postgres_server() as running, pytest.MonkeyPatch.context() as environment:
        make_mould(running.url, query=SCHEMA)
        environment.setenv(URL_VARIABLE, running.url)
        yield


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a fresh folder with a short path, so that sockets fit beside the file.

    In memory where that can be had: what is proved here is not the disk.
    """
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    with TemporaryDirectory(prefix="dt-", dir=memory) as folder:
        yield Path(folder)
        drop_all(Path(folder))


@pytest.fixture(params=OPENERS)
def opener(request: pytest.FixtureRequest) -> Opener:
    """Give the way to open one kind of store."""
    return OPENERS[request.param]


@pytest.fixture
async def open_again(opener: Opener, place: Path) -> AsyncIterator[OpenAgain]:
    """Open the same store as often as asked; all are closed in the end."""
    opened: list[Store] = []

    async def again() -> Store:
        opened.append(await opener(place, f"t{len(opened)}"))
        return opened[-1]

    yield again
    for store in opened:
        await store.aclose()


@pytest.fixture
async def store(open_again: OpenAgain) -> Store:
    """Give an open, empty store."""
    return await open_again()
