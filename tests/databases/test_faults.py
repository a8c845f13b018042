"""What goes wrong between us and a database: each has its code, and the next attempt is well."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from tests.databases.grounds import Ground
from tests.servers.faulty import faulty_servers, silent
from tests.servers.proxy import Proxy

SLEEPS = {"postgresql": "SELECT pg_sleep(30)", "mariadb": "SELECT SLEEP(30)"}
GARBAGE = (
    b"",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\xff" * 64,
    bytes(64),
    b"J\x00\x00\x00\x0a5.5.5",
)
FIND: JsonValue = {"collection": "people"}


@pytest.fixture(params=["postgres", "mariadb"])
def on_server(request: pytest.FixtureRequest) -> Ground:
    """Give an empty database on a server that can be far away."""
    made: Ground = request.getfixturevalue(f"on_{request.param}")
    return made


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    """Listen on a port, answer whoever connects with this, and hang up."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@asynccontextmanager
async def by_way_of_a_proxy(ground: Ground) -> AsyncIterator[Proxy]:
    """Let a ground's connections go through a line that can be cut."""
    server, slash, name = str(ground.place["url"]).rpartition("/")
    credentials, _, port = server.rpartition(":")
    proxy = Proxy(int(port))
    await proxy.open()
    ground.place = {**ground.place, "url": f"{credentials}:{proxy.port}{slash}{name}"}
    yield proxy
    await ground.databases.aclose()
    await proxy.aclose()


@pytest.mark.parametrize("answer", GARBAGE)
async def test_garbage_is_no_connection(on_server: Ground, answer: bytes) -> None:
    scheme = str(on_server.place["url"]).partition(":")[0]
    async with answering(answer) as port:
        url = f"{scheme}://app@127.0.0.1:{port}/x"
        assert await on_server.code("SELECT 1", url=url) == "CONNECTION_ERROR"


@pytest.mark.parametrize("answer", GARBAGE)
async def test_garbage_is_no_mongodb(on_sqlite: Ground, answer: bytes) -> None:
    async with answering(answer) as port:
        place: JsonObject = {"database_type": "mongodb", "url": f"mongodb://127.0.0.1:{port}/x"}
        code = await on_sqlite.code(FIND, **place, type="read", timeout_ms=1_000)
        assert code in {"CONNECTION_ERROR", "CONNECTION_LOST", "TIMEOUT"}


async def test_a_line_that_is_cut_in_the_middle_is_lost_and_made_anew(on_server: Ground) -> None:
    sleep = SLEEPS[str(on_server.place["database_type"])]
    async with by_way_of_a_proxy(on_server) as proxy:
        await on_server.rows("SELECT 1 AS x")
        running = asyncio.create_task(on_server.code(sleep))
        while not await _sleeps(on_server):  # noqa: ASYNC110 (another process has no event)
            await asyncio.sleep(0)
        proxy.cut()
        assert await running == "CONNECTION_LOST"
        assert await on_server.rows("SELECT 1 AS x") == [{"x": 1}]


async def test_a_line_that_was_cut_while_nobody_used_it_is_not_noticed(on_server: Ground) -> None:
    async with by_way_of_a_proxy(on_server) as proxy:
        for _ in range(3):
            assert await on_server.rows("SELECT 1 AS x") == [{"x": 1}]
            proxy.cut()


@pytest.mark.parametrize(
    ("kind", "limit"),
    [("mariadb", "mysql.database.CONNECT_S"), ("mongodb", "mongo.database.CONNECT_MS")],
)
async def test_connecting_has_a_time_of_its_own(
    on_sqlite: Ground, monkeypatch: pytest.MonkeyPatch, kind: str, limit: str
) -> None:
    monkeypatch.setattr(f"ductape.providers.databases.{limit}", 0.1 if kind == "mariadb" else 100)
    async with faulty_servers({"silent": silent}) as servers:
        server = servers["silent"]
        place: JsonObject = {"database_type": kind, "url": f"{kind}://127.0.0.1:{server.port}/x"}
        template = "SELECT 1" if kind == "mariadb" else FIND
        assert await on_sqlite.code(template, **place, type="read") == "TIMEOUT"
        await on_sqlite.databases.aclose()
        await server.all_gone()


async def _sleeps(ground: Ground) -> bool:
    if ground.place["database_type"] == "postgresql":
        return ground.root("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'") != []
    states = await asyncio.to_thread(ground.root, "SHOW PROCESSLIST")
    return any("SLEEP(30)" in str(row) or "User sleep" in str(row) for row in states)
