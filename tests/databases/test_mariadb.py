"""Database actions on a real MariaDB, which is not MySQL itself (SPEC 9)."""

import asyncio
from collections.abc import Iterator

import pytest

from ductape.domain.jsonvalue import JsonObject
from ductape.errors import ResultTooLarge
from tests.databases.conftest import ground
from tests.databases.grounds import Ground
from tests.servers.certificates import certificate_files
from tests.servers.mariadb import PASSWORD, WORKER, MariaDb, mariadb, programs
from tests.servers.postgres import servers_folder

SLEEP = "SELECT SLEEP(30)"
RUNNING = "SELECT count(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP%'"


async def test_values_come_back_as_json(on_mariadb: Ground) -> None:
    (row,) = await on_mariadb.rows(
        """SELECT 1 AS i, 18446744073709551615 AS big, 1.10 AS n, 0.5e0 AS f, NULL AS nothing,
           x'0001' AS bytes, 'a' AS t, date '2026-03-01' AS d,
           timestamp '2026-03-01 12:00:00.5' AS at, time '-30:01:00' AS span,
           json_object('a', 1) AS j, 1 = 1 AS yes, 1 AS i, 10e0 / 4 AS q"""
    )
    assert row == {
        "i": 1,
        "big": 18446744073709551615,
        "n": "1.10",
        "f": 0.5,
        "nothing": None,
        "bytes": "AAE=",
        "t": "a",
        "d": "2026-03-01",
        "at": "2026-03-01T12:00:00.500000",
        "span": "-30:01:00",
        "j": '{"a": 1}',
        "yes": 1,
        "i_2": 1,
        "q": 2.5,
    }


async def test_what_a_value_is_does_not_depend_on_the_sessions_modes(
    maria: MariaDb, on_mariadb: Ground
) -> None:
    maria.sql("SET GLOBAL sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES'")
    try:
        row = {"a": "x\\' OR 1=1", "b": "it's", "c": 1}
        template = 'SELECT {{a}} AS a, "it\'s" AS b, {{c:BOOLEAN}} AS c'
        assert await on_mariadb.rows(template, where={"a": row["a"], "c": True}) == [row]
        on_mariadb.root("CREATE TABLE t (a varchar(3))")
        assert await on_mariadb.code("INSERT INTO t VALUES ('long')") == "VALIDATION_ERROR"
    finally:
        maria.sql("SET GLOBAL sql_mode = DEFAULT")


async def test_instants_are_taken_without_a_zone_alone(on_mariadb: Ground) -> None:
    on_mariadb.root("CREATE TABLE t (at datetime(3))")
    write = "INSERT INTO t VALUES ({{at}})"
    assert await on_mariadb.code(write, data={"at": "2026-03-01T12:00:00Z"}) == "VALIDATION_ERROR"
    await on_mariadb.act(write, data={"at": "2026-03-01 12:00:00.500"})
    (row,) = await on_mariadb.rows("SELECT at, unix_timestamp(at) * 1000 AS ms FROM t")
    assert row == {"at": "2026-03-01T12:00:00.500000", "ms": "1772366400500.000"}


async def test_values_are_compared_in_the_columns_own_collation(on_mariadb: Ground) -> None:
    on_mariadb.root("CREATE TABLE t (a varchar(9) COLLATE utf8mb4_swedish_ci)")
    on_mariadb.root("INSERT INTO t VALUES ('Ada')")
    assert await on_mariadb.rows("SELECT a FROM t WHERE a = {{a}}", where={"a": "ada"}) == [
        {"a": "Ada"}
    ]


async def test_the_server_cancels_what_takes_too_long(on_mariadb: Ground) -> None:
    assert await on_mariadb.code(SLEEP, timeout_ms=200) == "TIMEOUT"
    assert await on_mariadb.rows("SELECT 1 AS x") == [{"x": 1}]


async def test_the_server_ends_what_is_cancelled_here(on_mariadb: Ground) -> None:
    running = asyncio.create_task(on_mariadb.act(SLEEP))
    while await asyncio.to_thread(on_mariadb.root, RUNNING) == [("0",)]:  # noqa: ASYNC110 (another process)
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await on_mariadb.until(RUNNING, ("0",))


async def test_a_read_is_streamed_and_stops_where_it_is_too_large(on_mariadb: Ground) -> None:
    many = "SELECT repeat('x', 1000) AS t FROM seq_1_to_100000000"
    with pytest.raises(ResultTooLarge):
        await on_mariadb.act(many)
    assert await on_mariadb.rows("SELECT 1 AS x") == [{"x": 1}]


async def test_a_deadlock_has_its_code(maria: MariaDb, on_mariadb: Ground) -> None:
    on_mariadb.root("CREATE TABLE t (id int PRIMARY KEY, n int)")
    on_mariadb.root("INSERT INTO t VALUES (1, 0), (2, 0)")
    name = str(on_mariadb.place["url"]).rpartition("/")[2]
    maria.routine(
        name,
        "CREATE PROCEDURE both_ways(a int, b int) BEGIN UPDATE t SET n = n + 1 WHERE id = a;"
        " DO SLEEP(0.5); UPDATE t SET n = n + 1 WHERE id = b; END",
    )
    call = "CALL both_ways({{a:INTEGER}}, {{b:INTEGER}})"
    done = await asyncio.gather(
        on_mariadb.act(call, type="update", where={"a": 1, "b": 2}),
        on_mariadb.act(call, type="update", where={"a": 2, "b": 1}),
        return_exceptions=True,
    )
    codes = [getattr(one, "code", "fine") for one in done]
    assert sorted(codes) == ["DEADLOCK", "fine"]


async def test_credentials_and_rights(maria: MariaDb, on_mariadb: Ground) -> None:
    maria.sql("CREATE OR REPLACE USER poor@'%' IDENTIFIED BY 'pw'")
    maria.sql("GRANT SELECT ON mysql.help_topic TO poor@'%'")
    place: JsonObject = {"url": None, "host": "127.0.0.1", "port": maria.port, "database": "mysql"}
    wrong: JsonObject = {**place, "user": WORKER, "password": "wrong"}
    right: JsonObject = {**place, "user": WORKER, "password": PASSWORD}
    poor: JsonObject = {**place, "user": "poor", "password": "pw"}
    assert await on_mariadb.code("SELECT 1", **wrong) == "UNAUTHORIZED"
    assert await on_mariadb.rows("SELECT 1 AS x", **right) == [{"x": 1}]
    assert await on_mariadb.code("SELECT * FROM user", **poor) == "FORBIDDEN"
    assert await on_mariadb.code("SELECT 1", **{**right, "database": "nowhere"}) == "NOT_FOUND"
    assert await on_mariadb.code("SELECT 1", **{**right, "port": 9}) == "CONNECTION_ERROR"
    assert await on_mariadb.code("SELECT 1", **right, allow_private=False) == "FORBIDDEN"


@pytest.fixture
def behind_tls(monkeypatch: pytest.MonkeyPatch) -> Iterator[JsonObject]:
    """Give the place of a server that takes nobody without TLS, less its host."""
    found = programs()
    if found is None:
        pytest.skip("mariadb-server is not installed: apt-get install mariadb-server")
    with servers_folder("dt-tls-") as folder:
        files = certificate_files(folder, "localhost")
        monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))
        asks = "--require-secure-transport=ON"
        with mariadb(found, f"--ssl-cert={files.chain}", f"--ssl-key={files.key}", asks) as server:
            yield {
                "database_type": "mariadb",
                "database": "mysql",
                "user": WORKER,
                "password": PASSWORD,
                "port": server.port,
            }


async def test_tls_asks_for_the_certificate_of_the_name(behind_tls: JsonObject) -> None:
    cipher = "SHOW STATUS LIKE 'Ssl_cipher'"
    async with ground({**behind_tls, "host": "localhost"}, None) as made:
        (row,) = await made.rows(cipher, type="read", tls="verify")
        assert isinstance(row, dict)
        assert row["Value"]
    async with ground({**behind_tls, "host": "127.0.0.1"}, None) as made:
        assert await made.code(cipher, type="read", tls="verify") == "CONNECTION_ERROR"
        assert len(await made.rows(cipher, type="read", tls="require")) == 1
        assert await made.code(cipher, type="read") == "UNAUTHORIZED"


async def test_what_a_server_quotes_of_a_value_is_left_out(on_mariadb: Ground) -> None:
    """It cuts a long one, which is then no secret that anybody knows."""
    on_mariadb.root("CREATE TABLE keyed (k varchar(600) PRIMARY KEY, n int)")
    secret = "sk_live_it's for key 'x' " + "Ab9" * 40
    insert = "INSERT INTO keyed VALUES ({{k}}, 1)"
    await on_mariadb.act(insert, data={"k": secret})
    error = await on_mariadb.refused(insert, data={"k": secret})
    assert "sk_live" not in error.message
    assert "Duplicate entry of the input for key" in error.message
    wrong = await on_mariadb.refused("INSERT INTO keyed VALUES ('a', {{n}})", data={"n": secret})
    assert "sk_live" not in wrong.message
