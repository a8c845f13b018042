"""What an action leaves on its connection is not there for the next one (SPEC 9).

Each database has one connection, and the tests prove that it is still the same one.
"""

from ductape.domain.jsonvalue import JsonValue
from tests.databases.grounds import Ground

ONE = 1


async def row_of(made: Ground, template: str) -> JsonValue:
    (row,) = await made.rows(template, connections=ONE)
    return row


async def test_postgres_keeps_nothing_of_a_session(on_postgres: Ground) -> None:
    on_postgres.root("CREATE ROLE other")
    on_postgres.root("CREATE SEQUENCE numbers")
    same = "SELECT pg_backend_pid() AS pid"
    first = await row_of(on_postgres, same)
    await row_of(on_postgres, "SELECT set_config('shop.user', 'ada', false) AS x")
    await row_of(on_postgres, "SELECT set_config('role', 'other', false) AS x")
    await row_of(on_postgres, "SELECT set_config('TimeZone', 'Asia/Tokyo', false) AS x")
    await row_of(on_postgres, "SELECT pg_advisory_lock(7)::text AS x")
    for left in (
        "CREATE TEMPORARY TABLE pg_class (a int)",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "LISTEN news",
        "DO $$ BEGIN EXECUTE 'PREPARE mine AS SELECT 1'; PERFORM nextval('numbers'); END $$",
    ):
        await on_postgres.act(left, type="create", connections=ONE)
    assert on_postgres.root("SELECT pg_try_advisory_lock(7)") == [(True,)]
    assert await row_of(on_postgres, same) == first
    found = await row_of(
        on_postgres,
        "SELECT current_setting('shop.user', true) AS own, current_user AS role,"
        " current_setting('TimeZone') AS zone, to_regclass('pg_temp.pg_class')::text AS temp,"
        " (SELECT count(*) FROM pg_cursors WHERE name = 'c') AS cursors,"
        " (SELECT count(*) FROM pg_listening_channels()) AS channels,"
        " (SELECT count(*) FROM pg_prepared_statements) AS prepared",
    )
    assert isinstance(found, dict)
    assert found.pop("own") in {None, ""}
    assert found == {
        "role": "postgres",
        "zone": "UTC",
        "temp": None,
        "cursors": 0,
        "channels": 0,
        "prepared": 0,
    }
    error = await on_postgres.refused("SELECT currval('numbers')", connections=ONE)
    assert "not yet defined" in error.message


async def test_what_failed_leaves_nothing_either(on_postgres: Ground) -> None:
    failing = "SELECT pg_advisory_lock(7), 1 / (pg_backend_pid() - pg_backend_pid())"
    assert await on_postgres.code(failing, connections=ONE) == "VALIDATION_ERROR"
    assert on_postgres.root("SELECT pg_try_advisory_lock(7)") == [(True,)]


async def test_mariadb_keeps_nothing_of_a_session(on_mariadb: Ground) -> None:
    same = "SELECT connection_id() AS id"
    first = await row_of(on_mariadb, same)
    on_mariadb.root("CREATE PROCEDURE meddle() SET SESSION sql_mode = '', time_zone = '+09:00'")
    await row_of(on_mariadb, "SELECT @mine := 1 AS x")
    await row_of(on_mariadb, "SELECT get_lock('mine', 0) AS x")
    for left in ("CREATE TEMPORARY TABLE mine (a int)", "CALL meddle()"):
        await on_mariadb.act(left, type="create", connections=ONE)
    assert on_mariadb.root("SELECT is_free_lock('mine')") == [("1",)]
    assert await row_of(on_mariadb, same) == first
    found = await row_of(
        on_mariadb,
        "SELECT @mine AS mine, @@time_zone AS zone, @@character_set_client AS chars,"
        " @@sql_mode LIKE '%STRICT_TRANS_TABLES%' AS strict, @@autocommit AS auto,"
        " @@max_statement_time > 0 AS bounded",
    )
    assert found == {
        "mine": None,
        "zone": "+00:00",
        "chars": "utf8mb4",
        "strict": 1,
        "auto": 1,
        "bounded": 1,
    }
    assert await on_mariadb.code("SELECT * FROM mine", connections=ONE) == "VALIDATION_ERROR"


async def test_sqlite_keeps_nothing_of_a_connection(on_sqlite: Ground) -> None:
    on_sqlite.root("CREATE TABLE kept (id integer PRIMARY KEY)")
    await on_sqlite.act("INSERT INTO kept VALUES (7)", connections=ONE)
    assert await row_of(on_sqlite, "SELECT last_insert_rowid() AS id") == {"id": 0}
    await on_sqlite.act("CREATE TEMP VIEW kept AS SELECT 8 AS id", type="create", connections=ONE)
    assert await row_of(on_sqlite, "SELECT id FROM kept") == {"id": 7}
