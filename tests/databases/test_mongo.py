"""Database actions against SecantusDB, which speaks MongoDB's protocol, no mongod (SPEC 9)."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import msgspec
import pytest
from bson import Decimal128, ObjectId
from pymongo import MongoClient
from pymongo.database import Database

from ductape.domain.database_place import Place, place_of
from ductape.domain.definitions.database import DatabaseTarget
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import ProviderError, ResultTooLarge, ValidationError
from ductape.ports.database import Bounds, DocumentWork, Whose
from ductape.providers.databases.mongo import database
from tests.databases.conftest import ground
from tests.databases.grounds import Ground
from tests.servers.certificates import certificate_files
from tests.servers.secantus import PASSWORD, Secantus, secantus

_made = count(1)

ALL: JsonValue = {"collection": "people", "filter": {}, "sort": {"_id": 1}}
BY_NAME: JsonValue = {"collection": "people", "filter": {"name": "{{name}}"}}
NEW: JsonValue = {"collection": "people", "document": "{{data:OBJECT}}"}


@pytest.fixture
def name() -> str:
    return f"test_{next(_made)}"


@pytest.fixture
def root(secantus_server: Secantus, name: str) -> Iterator[Database[JsonObject]]:
    """Give the database by the front door."""
    with MongoClient[JsonObject](secantus_server.url) as client:
        yield client[name]


@pytest.fixture
async def mongo(secantus_server: Secantus, name: str) -> AsyncIterator[Ground]:
    place: JsonObject = {"database_type": "mongodb", "url": f"{secantus_server.url}/{name}"}
    async with ground(place, None) as made:
        yield made


async def test_documents_are_made_read_changed_and_deleted(mongo: Ground) -> None:
    people: JsonValue = [{"_id": 1, "name": "ada"}, {"_id": 2, "name": "bob", "age": 3}]
    made = await mongo.act(NEW, type="create", data=people)
    assert made == {"rows": [{"_id": 1}, {"_id": 2}], "count": 2}
    assert await mongo.rows(ALL, type="read") == people
    found = await mongo.rows(
        {**ALL, "projection": {"name": 1, "_id": 0}, "limit": "{{n:INTEGER}}", "skip": 1},
        type="read",
        where={"n": 1},
    )
    assert found == [{"name": "bob"}]
    changed = await mongo.act(
        {**BY_NAME, "update": {"$set": {"age": "{{age:INTEGER:0}}"}}},
        type="update",
        data={"age": 5},
        where={"name": "ada"},
    )
    assert changed == {"count": 1}
    grouped: JsonValue = {
        "collection": "people",
        "pipeline": [{"$match": {"age": {"$gte": "{{least}}"}}}, {"$count": "n"}],
    }
    assert await mongo.rows(grouped, type="aggregate", where={"least": 4}) == [{"n": 1}]
    assert await mongo.act(BY_NAME, type="delete", where={"name": "ada"}) == {"count": 1}


@pytest.mark.parametrize(
    "value",
    [
        {"$ne": None},
        {"$gt": ""},
        {"$where": "sleep(1)"},
        {"deep": [{"er": {"$in": []}}]},
        [{"$regex": ".*"}],
    ],
)
async def test_no_operator_comes_from_an_input(mongo: Ground, value: JsonValue) -> None:
    with pytest.raises(ValidationError, match="without operators") as raised:
        await mongo.act(BY_NAME, type="read", where={"name": value})
    assert raised.value.errors[0]["path"] == "input.filter.name"


async def test_a_text_names_no_field_where_expressions_are_read(
    mongo: Ground, root: Database[JsonObject]
) -> None:
    root.people.insert_one({"_id": 1, "secret": "s3cret", "name": "$secret"})
    pipeline: JsonValue = [
        {"$match": {"name": "{{x}}"}},
        {"$project": {"_id": 0, "echo": "{{x}}", "list": ["{{x}}"]}},
    ]
    template: JsonValue = {"collection": "people", "pipeline": pipeline}
    rows = await mongo.rows(template, type="aggregate", where={"x": "$secret"})
    assert rows == [{"echo": "$secret", "list": ["$secret"]}]


async def test_values_of_their_own_types(mongo: Ground, root: Database[JsonObject]) -> None:
    known = ObjectId()
    root.people.insert_one(
        {
            "_id": known,
            "at": datetime(2026, 3, 1, tzinfo=UTC),
            "price": Decimal128("1.10"),
            "bytes": b"x",
            "nan": float("nan"),
            "big": 2**60,
        }
    )
    template: JsonValue = {"collection": "people", "filter": {"_id": {"$oid": "{{id}}"}}}
    assert await mongo.rows(template, type="read", where={"id": str(known)}) == [
        {
            "_id": str(known),
            "at": "2026-03-01T00:00:00+00:00",
            "price": "1.10",
            "bytes": "eA==",
            "nan": "NaN",
            "big": 2**60,
        }
    ]
    by_date: JsonValue = {
        "collection": "people",
        "filter": {"at": {"$date": "{{at:DATE_STRING}}"}},
        "projection": {"_id": 0, "bytes": 1},
    }
    where: JsonObject = {"at": "2026-03-01T01:00:00+01:00"}
    assert await mongo.rows(by_date, type="read", where=where) == [{"bytes": "eA=="}]
    refused = await mongo.code(template, type="read", where={"id": "no"})
    assert refused == "VALIDATION_ERROR"


async def test_reading_stops_where_there_is_too_much(
    mongo: Ground, root: Database[JsonObject]
) -> None:
    root.people.insert_many({"text": "x" * 10_000} for _ in range(200))
    with pytest.raises(ResultTooLarge):
        await mongo.act({"collection": "people"}, type="read")


async def test_a_value_that_is_there_already_is_refused_without_quoting_it(mongo: Ground) -> None:
    await mongo.act(NEW, type="create", data={"_id": "ada@example.org"})
    error = await mongo.refused(NEW, type="create", data={"_id": "ada@example.org"})
    assert (error.code, error.details["code"]) == ("VALIDATION_ERROR", 11000)
    assert "ada" not in error.message


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (112, "DEADLOCK"),
        (50, "TIMEOUT"),
        (13, "FORBIDDEN"),
        (9, "VALIDATION_ERROR"),
        (17_280, "VALIDATION_ERROR"),
        (16_500, "RATE_LIMITED"),
    ],
)
async def test_what_the_server_says_has_its_code(
    mongo: Ground, root: Database[JsonObject], number: int, code: str
) -> None:
    told = {"failCommands": ["find"], "errorCode": number}
    root.client.admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data=told)
    assert await mongo.code(ALL, type="read") == code


async def test_a_connection_that_is_cut_is_lost(mongo: Ground, root: Database[JsonObject]) -> None:
    told = {"failCommands": ["insert"], "closeConnection": True}
    root.client.admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=told)
    assert await mongo.code(NEW, type="create", data={"_id": 1}) == "CONNECTION_LOST"
    root.client.admin.command("configureFailPoint", "failCommand", mode="off")
    assert (await mongo.act(NEW, type="create", data={"_id": 1}))["count"] == 1


async def test_nobody_there_is_told_and_so_is_a_private_address(mongo: Ground) -> None:
    there = "mongodb://127.0.0.1:9/x"
    assert await mongo.code(ALL, type="read", url=there) == "CONNECTION_ERROR"
    assert await mongo.code(ALL, type="read", allow_private=False) == "FORBIDDEN"


async def test_a_server_that_never_answers_times_out(mongo: Ground) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mongodb://127.0.0.1:{silent.getsockname()[1]}/x"
        assert await mongo.code(ALL, type="read", url=url, timeout_ms=300) == "TIMEOUT"


async def test_credentials_are_needed_and_may_be_wrong(name: str) -> None:
    with secantus() as server:
        with MongoClient[JsonObject](server.url) as client:
            client.admin.command(
                "createUser", "app", pwd=PASSWORD, roles=[{"role": "readWrite", "db": name}]
            )
        server.stop()
        server.start("--auth")
        parts: JsonObject = {"host": "127.0.0.1", "port": server.port, "database": name}
        place: JsonObject = {"database_type": "mongodb", **parts}
        async with ground(place, None) as made:
            right: JsonObject = {"user": "app", "password": PASSWORD}
            assert await made.rows(ALL, type="read", **right) == []
            wrong: JsonObject = {"user": "app", "password": "wrong"}
            assert await made.code(ALL, type="read", **wrong) == "UNAUTHORIZED"


async def test_tls_asks_for_the_certificate_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    paths = certificate_files(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(paths.authority))
    with secantus(f"--tls-cert-file={paths.chain}", f"--tls-key-file={paths.key}") as server:
        await _listening(server.port)
        place: JsonObject = {"database_type": "mongodb", "database": name, "port": server.port}
        async with ground({**place, "host": "localhost", "tls": "verify"}, None) as made:
            assert await made.rows(ALL, type="read") == []
        async with ground({**place, "host": "127.0.0.1", "tls": "verify"}, None) as made:
            assert await made.code(ALL, type="read") == "CONNECTION_ERROR"


async def _listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            continue
        writer.close()
        return


async def test_what_no_document_can_hold_is_the_input_s_fault(mongo: Ground) -> None:
    by_number: JsonValue = {"collection": "people", "filter": {"n": {"$numberLong": "{{n}}"}}}
    assert await mongo.code(by_number, type="read", where={"n": str(2**63)}) == "VALIDATION_ERROR"
    refused: JsonValue = {"collection": "people", "filter": {}, "update": {"name": 1}}
    databases, place = mongo.databases, place_in(mongo)
    for action, template in (("update", refused), ("read", {"collection": "people", "limit": "x"})):
        work = DocumentWork(action, (template,))  # pyright: ignore[reportArgumentType]
        with pytest.raises(ProviderError) as raised:
            await databases.documents(Whose("shop", "dev", "main"), place, work, Bounds(9_000, 99))
        assert raised.value.code == "VALIDATION_ERROR"


def place_in(made: Ground) -> Place:
    kind, url = str(made.place["database_type"]), str(made.place["url"])
    whole: JsonObject = {"tag": "main", "type": "read", "template": "", "allow_private": True}
    target: JsonObject = {**whole, "database_type": kind, "url": url}
    return place_of(msgspec.convert(target, DatabaseTarget))


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Path]]:
    """Tell which folders for sockets there are."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return lambda: [*tmp_path.iterdir()]


async def all_read(mongo: Ground) -> None:
    """Read by nine at once."""
    found = await asyncio.gather(*(mongo.rows(ALL, type="read") for _ in range(9)))
    assert found == [[{"_id": 1}]] * 9


@pytest.mark.parametrize("theirs", [False, True])
async def test_who_clears_temporary_files_away_cuts_nobody_off(
    mongo: Ground, folders: Callable[[], list[Path]], *, theirs: bool
) -> None:
    await mongo.act(NEW, type="create", data=[{"_id": 1}])
    (folder,) = folders()
    shutil.rmtree(folder)
    if theirs:
        folder.mkdir()
        folder.chmod(0o777)
    await all_read(mongo)
    assert (folders() == [folder]) == (not theirs)


async def test_of_those_who_connect_at_once_one_connection_is_kept(
    mongo: Ground, root: Database[JsonObject], folders: Callable[[], list[Path]]
) -> None:
    root.people.insert_one({"_id": 1})
    await all_read(mongo)
    assert len(folders()) == 1


async def test_whose_client_somebody_else_found_broken_has_lost_the_connection(
    mongo: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    await mongo.act(NEW, type="create", data=[{"_id": 1}])
    (kept,) = mongo.databases._kept.values()
    updated = database._updated

    async def and_all_is_closed(
        collection: database.Collection, template: database.Document
    ) -> int:
        count = await updated(collection, template)
        await kept.database.aclose()
        return count

    monkeypatch.setattr(database, "_updated", and_all_is_closed)
    change: JsonValue = {
        "collection": "people",
        "filter": {"_id": 1},
        "update": {"$set": {"age": "{{age:INTEGER}}"}},
    }
    code = await mongo.code(change, type="update", data=[{"age": 1}, {"age": 2}])
    assert code == "CONNECTION_LOST"
