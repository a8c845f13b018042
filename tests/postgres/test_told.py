"""What a terminal says in bad surroundings: a few lines, the exit code, no traceback."""

from collections.abc import Callable

import psycopg
import pytest

from ductape.cli.main import execute
from ductape.stores.postgres.schema.migrating import newest_schema
from ductape.stores.postgres.server.address import address_of
from tests.servers.postgres import GUARDED, PostgresServer

OUT_OF_REACH = 3
BAD_USE = 2
MOST_LINES = 3
KEY = "k1:" + "A" * 43
ANOTHER = "k2:" + "B" * 42 + "E"

Told = Callable[..., tuple[int, str]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """Return what carries out a command and gives its exit code and what it says, all of it."""
    monkeypatch.setenv("DUCTAPE_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "300")

    def carried_out(*words: str) -> tuple[int, str]:
        code = execute(words)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out + said.err

    return carried_out


@pytest.fixture
def url(server: PostgresServer, request: pytest.FixtureRequest) -> str:
    """Give the URL of a schema of the test's own."""
    return f"{server.url}?schema={request.node.name.lower()[:40].strip('[]')}"


def as_user(server: PostgresServer, login: str) -> str:
    return f"postgresql://{login}@127.0.0.1:{server.port}/postgres?schema=nowhere"


def bad_places(server: PostgresServer) -> dict[str, str]:
    """Return URLs, each with what is said about it."""
    return {
        "postgresql://ada@127.0.0.1:1/jobs": "the server is out of reach",
        server.url.removesuffix("postgres") + "nothing": "there is no such database",
        as_user(server, "stranger2"): "the server refused the user",
        as_user(server, f"{GUARDED}:wr0ng"): "the server refused the user",
        as_user(server, "guest2"): "the user lacks a right",
        as_user(server, "reader2"): "the server is read-only",
        as_user(server, "lonely2"): "the server has no connection left",
    }


def test_a_store_that_cannot_be_opened_is_told_in_three_lines_and_ends_with_3(
    server: PostgresServer, root: psycopg.Connection, told: Told
) -> None:
    root.execute("CREATE ROLE guest2 LOGIN; CREATE ROLE lonely2 LOGIN CONNECTION LIMIT 0")
    root.execute("CREATE ROLE reader2 LOGIN")
    root.execute("ALTER ROLE reader2 SET default_transaction_read_only = on")
    for url, words in bad_places(server).items():
        for command in (("jobs", "list"), ("workers",), ("migrate",)):
            code, said = told(*command, "--store", url)
            assert code == OUT_OF_REACH, said
            assert said.startswith(f"error: {words}: ")
            assert len(said.splitlines()) <= MOST_LINES
            assert "hint: " in said
            assert "wr0ng" not in said


def test_the_doctor_tells_the_same_and_what_it_can_besides(
    server: PostgresServer, told: Told
) -> None:
    code, said = told("doctor", "--store", "postgresql://ada:hush@127.0.0.1:1/jobs")
    assert code == OUT_OF_REACH
    assert "FAULT    url" in said
    assert "the server is out of reach" in said
    assert "worker.concurrency" in said
    assert "hush" not in said
    assert told("doctor", "--store", server.url)[0] == 0


def test_a_schema_from_the_future_ends_with_3_and_is_left_alone(
    url: str, root: psycopg.Connection, told: Told
) -> None:
    assert told("migrate", "--store", url)[0] == 0
    root.execute(f"SET search_path = {address_of(url).schema}".encode())
    root.execute("INSERT INTO migrations VALUES (999, 'later', 'x', 999)")
    newest = newest_schema()
    code, said = told("jobs", "list", "--store", url)
    assert code == OUT_OF_REACH
    assert f"the database has schema 999, this version knows {newest}" in said
    code, said = told("doctor", "--store", url)
    assert code == 1
    assert f"999 is newer than this release, which has {newest}" in said


def test_a_lost_key_is_named_and_nothing_is_sealed_with_another(
    url: str, root: psycopg.Connection, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told("jobs", "list", "--store", url)[0] == 0
    monkeypatch.setenv("DUCTAPE_KEY", ANOTHER)
    code, said = told("jobs", "list", "--store", url)
    assert code == BAD_USE
    assert "the store was last sealed with the key 'k1', which is not in the ring" in said
    code, said = told("doctor", "--store", url)
    assert code == 1
    assert "last sealed with it, and it is not in the ring" in said
    root.execute(f"SET search_path = {address_of(url).schema}".encode())
    assert root.execute("SELECT key_id FROM key_checks").fetchall() == [("k1",)]


def test_no_key_at_all_is_a_fault_of_the_settings(
    url: str, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told("jobs", "list", "--store", url)[0] == 0
    monkeypatch.delenv("DUCTAPE_KEY")
    code, said = told("jobs", "list", "--store", url)
    assert code == BAD_USE
    assert "its keys must be given" in said
    code, said = told("doctor", "--store", url)
    assert code == 1
    assert "no keys are given" in said
    assert "PostgreSQL 18" in said
