"""Nothing in a document is dropped in silence: what was imported and skipped is what there was."""

import json
from pathlib import Path

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product import parse_product
from tests.unit.importers.builders import (
    METHODS,
    OPENAPI,
    actions,
    an_openapi,
    app_of,
    imported,
    imported_file,
)

SERVER = {"cluster.json": "https://cluster.example"}

OPERATIONS = {
    "everything.yaml": 12,
    "payments.json": 2,
    "cluster.json": 3,
    "telephony.json": 3,
    "split/openapi.yaml": 2,
}
"""Counted by hand."""


@pytest.mark.parametrize("name", OPENAPI)
async def test_what_was_imported_and_skipped_is_what_there_was(name: str) -> None:
    made = await imported_file(name, server=SERVER.get(name))
    for kind, count in made["counts"].items():
        assert count["found"] == count["imported"] + count["skipped"]
        assert count["skipped"] == sum(one["kind"] == kind for one in made["skipped"])
    assert made["counts"]["operation"]["found"] == OPERATIONS[name]
    kept = sum(len(actions(made, at)) for at in range(len(made["apps"])))
    assert made["actions"] == made["counts"]["operation"]["imported"] == kept


@pytest.mark.parametrize("name", OPENAPI)
async def test_what_is_made_is_a_product(name: str) -> None:
    made = await imported_file(name, server=SERVER.get(name))
    assert parse_product(made["document"]).tag == "p"


async def test_everything_that_is_skipped_says_where_and_why() -> None:
    made = await imported_file("everything.yaml")
    told = {
        (one["kind"], one["place"].rpartition("/")[2]): one["reason"] for one in made["skipped"]
    }
    assert set(told) == {
        ("auth", "digestAuth"),
        ("auth", "mtls"),
        ("callback", "post"),
        ("callback", "put"),
        ("operation", "trace"),
        ("server", "1"),
        ("server", "2"),
        ("webhook", "post"),
    }
    assert all(told.values())


async def test_what_is_left_out_of_an_operation_is_told() -> None:
    made = await imported_file("everything.yaml")
    parts = {one["part"] for one in made["left_out"]}
    assert {
        "parameter `Authorization` in header",
        "parameter `ghost` in path",
        "parameter `any` in query",
        "auth",
        "body",
    } <= parts


async def test_no_credential_of_a_document_leaves_it() -> None:
    made = await imported_file("everything.yaml")
    written = json.dumps(made)
    assert "4eC39HqLyjWDarjtT1zdp7dc" not in written
    assert "abc123def456" not in written


def test_an_operation_that_is_no_object_is_skipped() -> None:
    made = imported(an_openapi({"/x": {"get": "what", "put": None}, "/y": 3}))
    assert made["counts"]["operation"] == {"found": 2, "imported": 0, "skipped": 2}
    assert made["counts"]["path"] == {"found": 1, "imported": 0, "skipped": 1}


def test_a_null_beside_a_reference_does_not_hide_what_it_leads_to() -> None:
    paths: JsonObject = {"/x": {"get": None, "$ref": "#/paths/~1y"}, "/y": {"get": {}}}
    made = imported(an_openapi(paths))
    assert made["counts"]["operation"] == {"found": 3, "imported": 2, "skipped": 1}


def test_links_are_told() -> None:
    links: JsonObject = {"next": {"operationId": "y"}, "all": {"$ref": "#/components/links/all"}}
    responses: JsonObject = {"200": {"links": links}, "201": {"$ref": "#/components/responses/r"}}
    components: JsonObject = {"responses": {"r": {"links": {"self": {"operationId": "x"}}}}}
    document = an_openapi(
        {"/x": {"get": {"responses": responses}, "trace": {"responses": responses}}},
        components=components,
    )
    told = [(one["place"], one["part"]) for one in imported(document)["left_out"]]
    place = "#/paths/~1x/get"
    assert told == [(place, f"link `{name}`") for name in ("next", "all", "self")]


def test_thousands_of_operations_keep_their_tags_apart() -> None:
    paths: dict[str, JsonValue] = {f"/a{at}": {"get": {"operationId": "same"}} for at in range(300)}
    made = imported(an_openapi(paths))
    assert len(actions(made)) == 300
    assert list(actions(made))[:3] == ["same", "get-a1", "get-a2"]


def test_an_operation_without_id_is_called_by_method_and_path() -> None:
    made = imported(an_openapi({"/users/{id}/größe": {"get": {}, "put": {"operationId": "取"}}}))
    assert list(actions(made)) == ["get-users-id-große".replace("ß", "ss"), "put-users-id-grosse"]


def test_a_deprecated_operation_says_so_first() -> None:
    made = imported(an_openapi({"/x": {"get": {"deprecated": True, "description": "Old."}}}))
    assert actions(made)["get-x"]["description"] == "Deprecated. Old."


def test_the_title_is_the_app_where_no_tag_is_given() -> None:
    made = imported(an_openapi({"/x": {"get": {}}}, info={"title": "My Größe API"}), app="")
    assert app_of(made)["tag"] == "my-grosse-api"
    assert app_of(made)["name"] == "My Größe API"


def _operations(document: JsonObject) -> int:
    paths = document["paths"]
    assert isinstance(paths, dict)
    return sum(len(METHODS & set(item)) for item in paths.values() if isinstance(item, dict))


def test_a_kept_document_is_counted_as_by_hand() -> None:
    path = Path(__file__).parent / "documents" / "payments.json"
    assert _operations(json.loads(path.read_text())) == OPERATIONS["payments.json"]
