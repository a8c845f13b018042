"""Database actions on a real PostgreSQL (SPEC 9, row `database_action`)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import ResultTooLarge
from tests.databases.conftest import ground
from tests.databases.grounds import Ground
from tests.servers.certificates import certificate_files
from tests.servers.postgres import GUARDED, PostgresServer

SSL_REQUEST = bytes((0, 0, 0, 8, 4, 210, 22, 47))
RUNNING = (
    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)' AND state = 'active'"
)
"""How many sleep, but for whoever asks."""


async def test_values_come_back_as_json(on_postgres: Ground) -> None:
    (row,) = await on_postgres.rows(
        """SELECT 1 AS i, 9223372036854775807 AS big, 1.10::numeric AS n, 0.5::float8 AS f,
           'NaN'::float8 AS nan, '-Infinity'::float8 AS inf, true AS b, NULL AS nothing,
           '\\x0001'::bytea AS bytes, 'a'::text AS t, date '2026-03-01' AS d,
           timestamptz '2026-03-01 12:00+02' AS at, timestamp '2026-03-01 12:00:00.5' AS local,
           interval '1 month 2 days' AS span, '{"a": [1, null]}'::jsonb AS j,
           array[1.5, NULL]::numeric[] AS list, 'infinity'::timestamptz AS never,
           '0044-03-15 BC'::date AS ides, 1 AS i,
           'c0ffee00-0000-4000-8000-000000000001'::uuid AS u, 2::numeric ^ 80 AS huge"""
    )
    assert row == {
        "i": 1,
        "big": 9223372036854775807,
        "n": "1.10",
        "f": 0.5,
        "nan": "NaN",
        "inf": "-Infinity",
        "b": True,
        "nothing": None,
        "bytes": "AAE=",
        "t": "a",
        "d": "2026-03-01",
        "at": "2026-03-01T10:00:00+00:00",
        "local": "2026-03-01T12:00:00.5",
        "span": "P1M2D",
        "j": {"a": [1, None]},
        "list": ["1.5", None],
        "never": "infinity",
        "ides": "0044-03-15 BC",
        "i_2": 1,
        "u": "c0ffee00-0000-4000-8000-000000000001",
        "huge": "1208925819614629174706176",
    }


async def test_a_list_may_be_an_array(on_postgres: Ground) -> None:
    rows = await on_postgres.rows(
        "SELECT x FROM generate_series(1, 9) x WHERE x = ANY({{ids:INTEGER_ARRAY}})",
        where={"ids": [2, 3, 11]},
    )
    assert rows == [{"x": 2}, {"x": 3}]


async def test_texts_take_the_type_of_their_column(on_postgres: Ground) -> None:
    on_postgres.root("CREATE TABLE t (u uuid, at timestamptz, n numeric, j jsonb)")
    data = {"u": "c0ffee00-0000-4000-8000-000000000001", "at": "2026-01-02T03:04:05Z"}
    done = await on_postgres.act(
        "INSERT INTO t VALUES ('{{u:UUID}}', {{at:DATE_STRING}}, {{n:NUMBER_STRING}}, {{j:OBJECT}})"
        " RETURNING at, n, j",
        data={**data, "n": "1.230", "j": {"a": 1}},
    )
    row = {"at": "2026-01-02T03:04:05+00:00", "n": "1.230", "j": {"a": 1}}
    assert done == {"rows": [row], "count": 1}


async def test_the_server_cancels_what_takes_too_long(on_postgres: Ground) -> None:
    assert await on_postgres.code("SELECT pg_sleep(30)", timeout_ms=100) == "TIMEOUT"
    await on_postgres.until(RUNNING, (0,))


async def test_the_server_cancels_what_is_cancelled_here(on_postgres: Ground) -> None:
    running = asyncio.create_task(on_postgres.act("SELECT pg_sleep(30)"))
    await on_postgres.until(RUNNING, (1,))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await on_postgres.until(RUNNING, (0,))


async def test_a_read_is_streamed_and_stops_where_it_is_too_large(on_postgres: Ground) -> None:
    with pytest.raises(ResultTooLarge):
        await on_postgres.act(
            "SELECT repeat('x', 1000) FROM generate_series(1, 9999) a, generate_series(1, 9999) b"
        )
    assert await on_postgres.rows("SELECT 1 AS x") == [{"x": 1}]


async def test_wrong_credentials_are_unauthorized(
    on_postgres: Ground, postgres: PostgresServer
) -> None:
    on_postgres.root(
        f"DO $$ BEGIN CREATE USER {GUARDED} PASSWORD 'right'; EXCEPTION WHEN OTHERS THEN END $$"
    )
    place = f"{GUARDED}:{{}}@127.0.0.1:{postgres.port}/postgres"
    url = f"postgresql://{place}"
    assert await on_postgres.code("SELECT 1", url=url.format("wrong")) == "UNAUTHORIZED"
    assert await on_postgres.rows("SELECT 1 AS x", url=url.format("right")) == [{"x": 1}]
    error = await on_postgres.refused("CREATE TABLE public.x (a int)", url=url.format("right"))
    assert error.code == "FORBIDDEN"


async def test_a_lost_connection_is_told_and_the_next_attempt_has_another(
    on_postgres: Ground,
) -> None:
    end = "SELECT pg_terminate_backend(pg_backend_pid())"
    assert await on_postgres.code(end) == "CONNECTION_LOST"
    await on_postgres.rows("SELECT 1 AS x")
    others = "FROM pg_stat_activity WHERE application_name = 'ductape'"
    on_postgres.root(f"SELECT pg_terminate_backend(pid, 5000) {others}")
    assert await on_postgres.rows("SELECT 1 AS x") == [{"x": 1}]


async def test_a_deadlock_and_a_serialization_failure_have_their_code(on_postgres: Ground) -> None:
    on_postgres.root("CREATE TABLE t (id int PRIMARY KEY, n int)")
    on_postgres.root("INSERT INTO t VALUES (1, 0), (2, 0)")
    raised = "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"
    assert await on_postgres.code(raised) == "DEADLOCK"
    url = str(on_postgres.place["url"])
    async with await psycopg.AsyncConnection.connect(url) as other:
        await other.execute("SET deadlock_timeout = '60s'")
        await other.execute("UPDATE t SET n = 1 WHERE id = 2")
        ours = asyncio.create_task(
            on_postgres.code(
                "DO $$ BEGIN PERFORM set_config('deadlock_timeout', '10ms', true);"
                " UPDATE t SET n = 2 WHERE id = 1;"
                " WHILE NOT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)"
                " LOOP PERFORM pg_sleep(0.01); END LOOP;"
                " UPDATE t SET n = 2 WHERE id = 2; END $$"
            )
        )
        holding = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        await on_postgres.until(holding, (1,))
        theirs = asyncio.create_task(other.execute("UPDATE t SET n = 1 WHERE id = 1"))
        codes = await asyncio.gather(ours, theirs, return_exceptions=True)
    assert codes[0] == "DEADLOCK"


async def test_a_server_that_is_not_there_is_a_connection_error(on_postgres: Ground) -> None:
    url = "postgresql://postgres@127.0.0.1:9/none"
    assert await on_postgres.code("SELECT 1", url=url) == "CONNECTION_ERROR"


async def test_a_private_address_takes_two_to_say_yes(on_postgres: Ground) -> None:
    assert await on_postgres.code("SELECT 1", allow_private=False) == "FORBIDDEN"
    assert await on_postgres.code("SELECT 1", url="postgresql://u@10.1.2.3/x") == "FORBIDDEN"


async def test_a_database_that_is_not_there_is_not_found(
    on_postgres: Ground, postgres: PostgresServer
) -> None:
    url = f"postgresql://postgres@127.0.0.1:{postgres.port}/nowhere"
    assert await on_postgres.code("SELECT 1", url=url) == "NOT_FOUND"


@pytest.fixture
async def behind_tls(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[JsonObject]:
    """Give the place of a server with TLS, less its host: it stands before ours."""
    files = certificate_files(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.chain, files.key)

    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(SSL_REQUEST))
        writer.write(b"S")
        with suppress(OSError):
            await writer.start_tls(context)
            answers, requests = await asyncio.open_connection("127.0.0.1", postgres.port)
            await asyncio.gather(_carry(reader, requests), _carry(answers, writer))
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as listening:
        place: JsonObject = {"database_type": "postgresql", "database": "postgres"}
        yield {**place, "user": "postgres", "port": listening.sockets[0].getsockname()[1]}
        await asyncio.gather(*serving, return_exceptions=True)


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while some := await source.read(65_536):
            sink.write(some)
    finally:
        sink.close()
        with suppress(OSError):
            await sink.wait_closed()


async def test_tls_asks_for_the_certificate_of_the_name(behind_tls: JsonObject) -> None:
    template = "SELECT 1 AS x"
    async with ground({**behind_tls, "host": "localhost"}, None) as made:
        assert await made.rows(template, tls="verify") == [{"x": 1}]
    async with ground({**behind_tls, "host": "127.0.0.1"}, None) as made:
        assert await made.code(template, tls="verify") == "CONNECTION_ERROR"
        assert await made.rows(template, tls="require") == [{"x": 1}]


async def test_an_integer_is_of_one_type_whatever_its_size(on_postgres: Ground) -> None:
    asked = "SELECT {{a:INTEGER}} * {{b:INTEGER}} AS n"
    for a, b in ((200, 100), (200, 200), (40_000, 200)):
        assert await on_postgres.rows(asked, where={"a": a, "b": b}) == [{"n": a * b}]
    days = "SELECT (date '2026-01-01' + {{n:INTEGER}})::text AS d"
    assert await on_postgres.rows(days, where={"n": 1}) == [{"d": "2026-01-02"}]


async def test_a_list_of_objects_is_json_also_where_there_are_none(on_postgres: Ground) -> None:
    on_postgres.root("CREATE TABLE lists (j jsonb)")
    template = "INSERT INTO lists VALUES ({{j:OBJECT_ARRAY}}) RETURNING j"
    for given in ([], [{"a": 1}]):
        done = await on_postgres.act(template, data={"j": given})
        assert done["rows"] == [{"j": given}]


async def test_more_values_than_can_be_counted_are_the_statement_s_fault(
    on_postgres: Ground,
) -> None:
    ids: list[JsonValue] = [*range(66_000)]
    template = "SELECT 1 AS x WHERE 1 IN ({{ids:INTEGER_ARRAY}})"
    error = await on_postgres.refused(template, where={"ids": ids})
    assert error.code == "VALIDATION_ERROR"


async def test_what_a_server_quotes_is_not_cut(on_postgres: Ground) -> None:
    """A secret is masked where it stands whole."""
    secret = "sk_live_" + "Ab9" * 200
    error = await on_postgres.refused("SELECT {{x}}::int AS n", where={"x": secret})
    assert secret in error.message


async def test_a_value_of_no_certain_type_is_a_text(on_postgres: Ground) -> None:
    """What the server cannot tell of a parameter it can tell of a literal: it is text."""
    on_postgres.root("CREATE TABLE notes (id int, at timestamptz, note text)")
    on_postgres.root("INSERT INTO notes VALUES (1, '2026-01-01', 'a'), (2, NULL, NULL)")
    optional = (
        "SELECT id FROM notes WHERE ({{at}} IS NULL OR at = {{at}})"
        " AND ({{id}} IS NULL OR id = {{id}}) AND ({{note}} IS NULL OR note = {{note}}) ORDER BY id"
    )
    for at, number, note, ids in (
        (None, None, None, [1, 2]),
        ("2026-01-01T00:00:00Z", None, None, [1]),
        (None, 2, None, [2]),
        ("2026-01-01T00:00:00Z", 1, "a", [1]),
        (None, 2, "a", []),
    ):
        where: JsonObject = {"at": at, "id": number, "note": note}
        assert await on_postgres.rows(optional, where=where) == [{"id": one} for one in ids]
    any_type = "SELECT CONCAT('x', {{a}}) AS c, jsonb_build_object('k', {{a}})::text AS j"
    for value, c, j in (
        ("y", "xy", '{"k": "y"}'),
        (None, "x", '{"k": null}'),
        (5, "x5", '{"k": 5}'),
    ):
        assert await on_postgres.rows(any_type, where={"a": value}) == [{"c": c, "j": j}]


async def test_rows_are_written_once_though_a_type_is_learnt_on_the_way(
    on_postgres: Ground,
) -> None:
    on_postgres.root("CREATE TABLE notes (note text)")
    add = "INSERT INTO notes VALUES (CONCAT('x', {{a}}, {{b}})) RETURNING note"
    data: list[JsonValue] = [{"a": 1, "b": 2}, {"a": "y", "b": None}, {"a": None, "b": "z"}]
    done = await on_postgres.act(add, data=data)
    assert done["rows"] == [{"note": note} for note in ("x12", "xy", "xz")]
    assert on_postgres.root("SELECT count(*) FROM notes") == [(3,)]


async def test_a_list_of_integers_is_of_one_type_whatever_their_size(on_postgres: Ground) -> None:
    asked = "SELECT {{ids:INTEGER_ARRAY}} = ARRAY[1, 2] AS same, {{ids:INTEGER_ARRAY}} AS ids"
    assert await on_postgres.rows(asked, where={"ids": [1, 2]}) == [{"same": True, "ids": [1, 2]}]
    large = "SELECT {{ids:INTEGER_ARRAY}} AS ids"
    assert await on_postgres.rows(large, where={"ids": [1, 2**40]}) == [{"ids": [1, 2**40]}]
