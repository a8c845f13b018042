"""Opening a PostgreSQL store in bad surroundings: a clear error, its remedy, no change."""

import asyncio

import psycopg
import pytest

from ductape.errors import ConfigError, StoreError
from ductape.stores.postgres.schema import migrating
from ductape.stores.postgres.schema.migrating import migrate, newest_schema, schema_of
from ductape.stores.postgres.server.address import address_of
from ductape.stores.postgres.server.statements import known_schema
from ductape.stores.postgres.server.urls import shown
from ductape.stores.postgres.store import open_postgres
from tests.builders import decide
from tests.servers.postgres import GUARDED, PostgresServer


async def refusal(url: str) -> StoreError:
    """Open what cannot be opened; return the error."""
    with pytest.raises(StoreError) as caught:
        await open_postgres(url, decide=decide, token="t")
    assert caught.value.path == shown(url)
    return caught.value


async def test_a_server_that_is_not_there_is_out_of_reach() -> None:
    error = await refusal("postgresql://a@127.0.0.1:1/jobs")
    assert error.message.startswith("the server is out of reach: ")


async def test_a_missing_database_is_named(server: PostgresServer) -> None:
    error = await refusal(server.url.removesuffix("postgres") + "nothing")
    assert "there is no such database: " in error.message
    assert '"nothing"' in error.message


async def test_a_wrong_password_is_told_and_not_shown(
    server: PostgresServer, root: psycopg.Connection
) -> None:
    root.execute(f"CREATE ROLE {GUARDED} LOGIN PASSWORD 'right'")
    error = await refusal(f"postgresql://{GUARDED}:wr0ng@127.0.0.1:{server.port}/postgres")
    assert error.message.startswith("the server refused the user: ")
    assert "wr0ng" not in f"{error.message} {error.path} {error.hint}"


async def test_an_unknown_user_is_refused(server: PostgresServer) -> None:
    error = await refusal(f"postgresql://stranger@127.0.0.1:{server.port}/postgres")
    assert error.message.startswith("the server refused the user: ")


async def test_a_user_who_may_make_nothing_is_told_which_right_is_missing(
    server: PostgresServer, root: psycopg.Connection
) -> None:
    root.execute("CREATE ROLE guest LOGIN")
    error = await refusal(f"postgresql://guest@127.0.0.1:{server.port}/postgres?schema=guests")
    assert error.message.startswith("the user lacks a right: ")


async def test_a_server_that_only_reads_is_refused(
    server: PostgresServer, root: psycopg.Connection
) -> None:
    root.execute("CREATE ROLE reader LOGIN")
    root.execute("ALTER ROLE reader SET default_transaction_read_only = on")
    error = await refusal(f"postgresql://reader@127.0.0.1:{server.port}/postgres")
    assert error.message.startswith("the server is read-only: ")


async def test_a_server_without_a_free_connection_says_so(
    server: PostgresServer, root: psycopg.Connection
) -> None:
    root.execute("CREATE ROLE lonely LOGIN CONNECTION LIMIT 0")
    error = await refusal(f"postgresql://lonely@127.0.0.1:{server.port}/postgres")
    assert error.message.startswith("the server has no connection left: ")


async def test_too_old_a_server_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "OLDEST_SERVER", 990_000)
    assert "is the oldest that will do" in (await refusal(url)).message


async def test_a_schema_from_the_future_is_left_alone(url: str, root: psycopg.Connection) -> None:
    await migrate(url)
    schema = address_of(url).schema
    root.execute(f"SET search_path = {schema}".encode())
    root.execute("INSERT INTO migrations VALUES (999, 'later', 'x', 999)")
    error = await refusal(url)
    assert f"the database has schema 999, this version knows {newest_schema()}" in error.message


async def test_a_schema_made_by_other_migrations_is_refused(
    url: str, root: psycopg.Connection
) -> None:
    await migrate(url)
    schema = address_of(url).schema
    root.execute(f"SET search_path = {schema}".encode())
    root.execute("UPDATE migrations SET checksum = 'x'")
    assert "made by another migration" in (await refusal(url)).message


async def test_looking_at_the_schema_changes_nothing(url: str) -> None:
    assert await schema_of(url) is None
    assert await schema_of(url) is None
    assert await migrate(url) == known_schema()
    assert await schema_of(url) == known_schema()


async def test_many_that_open_a_fresh_database_at_once_all_get_in(url: str) -> None:
    assert await asyncio.gather(*(migrate(url) for _ in range(20))) == [known_schema()] * 20


async def test_a_user_without_rights_to_the_schema_may_open_what_is_up_to_date(
    url: str, server: PostgresServer, root: psycopg.Connection
) -> None:
    await migrate(url)
    schema = address_of(url).schema
    root.execute("CREATE ROLE clerk LOGIN")
    root.execute(f"GRANT USAGE ON SCHEMA {schema} TO clerk".encode())
    root.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO clerk".encode())
    clerk = f"postgresql://clerk@127.0.0.1:{server.port}/postgres?schema={schema}"
    store = await open_postgres(clerk, decide=decide, token="t")
    assert await store.products.tags() == []
    await store.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:pa%ss@host/db",
        "postgresql://ada:hush@host/db?nonsense=hush",
        "postgresql://ada:hush@host/db?schema=Robert'); DROP TABLE students;--",
    ],
)
def test_what_is_no_url_of_a_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        address_of(url)
    assert caught.value.path == "store"
    assert not {"hush", "pa%ss"} & set(caught.value.message.replace(":", " ").split())


def test_an_address_keeps_its_password_to_itself() -> None:
    address = address_of("postgresql://ada:hush@one:5432,two:5433/jobs?sslmode=require")
    assert "hush" in address.conninfo
    assert "one,two" in address.conninfo
    assert "hush" not in f"{address!r}"
