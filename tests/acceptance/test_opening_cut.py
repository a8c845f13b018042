"""A line to the server that breaks in the middle of opening: told clearly, or open all the same."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape import Ductape, Handlers, StoreError
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import Proxy

KEY = "test:" + "A" * 43
handlers = Handlers()


@handlers.job("noop")
async def noop(given: dict[str, int]) -> None:
    """Do nothing."""


@pytest.fixture
async def line(server: PostgresServer) -> AsyncIterator[Proxy]:
    proxy = Proxy(server.port)
    await proxy.open()
    yield proxy
    await proxy.aclose()


async def opened(url: str) -> None:
    """Open a store with a worker, and close it."""
    async with Ductape.open(url, config={"key": KEY}, handlers=handlers):
        pass


@pytest.mark.parametrize("ready", [True, False], ids=["schema there", "schema to be made"])
async def test_it_is_told_wherever_the_line_breaks(
    server: PostgresServer, line: Proxy, tmp_path: Path, *, ready: bool
) -> None:
    base = f"{server.url}?schema={tmp_path.name.lower()}".replace(str(server.port), str(line.port))
    await opened(f"{base}_0")
    questions = line.asked
    told: list[StoreError] = []
    # Making a schema asks much alike, one table after the other: every third question will do.
    for at in range(1, questions + 1, 1 if ready else 3):
        line.cut_at(at)
        try:
            await opened(f"{base}_{0 if ready else at}")
        except StoreError as error:
            told.append(error)
    assert told
    assert all(error.hint for error in told)
    line.cut_at(0)
    await opened(f"{base}_{0 if ready else questions}")
