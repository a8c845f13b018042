"""What OpenAPI 3.2 has beyond 3.1: taken where an action can carry it, told where it cannot."""

from pathlib import Path

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import NotFound
from ductape.importers import Imported, gather, make
from tests.unit.importers.builders import (
    actions,
    an_openapi,
    app_of,
    imported,
    only_action,
    options,
)


def made_of(item: JsonValue, **parts: JsonValue) -> Imported:
    """Import a document of 3.2 with one path."""
    return imported(an_openapi({"/x": item}, version="3.2.0", **parts))


def querystring(media: str, content: JsonValue, **parts: JsonValue) -> JsonObject:
    """Build `GET` with a parameter that is the whole query."""
    whole = {"name": "q", "in": "querystring", "content": {media: content}, **parts}
    return {"get": {"operationId": "x", "parameters": [whole]}}


def test_what_is_new_for_people_alone_changes_nothing() -> None:
    tags: JsonValue = [{"name": "a", "kind": "nav"}, {"name": "b", "parent": "a", "summary": "B"}]
    made = made_of({"get": {"operationId": "x", "tags": ["b"]}}, tags=tags)
    assert (made["format"], only_action(made)["tag"]) == ("OpenAPI 3.2.0", "x")
    assert (made["left_out"], made["skipped"]) == ([], [])


def test_query_is_a_method_with_a_body() -> None:
    body: JsonObject = {"content": {"application/json": {"schema": {"type": "object"}}}}
    action = only_action(made_of({"query": {"operationId": "x", "requestBody": body}}))
    assert action["method"] == "QUERY"


def test_further_operations_are_taken_or_told() -> None:
    further: JsonValue = {"LINK": {"operationId": "l"}, "PATCH": {"operationId": "p"}}
    made = made_of({"get": {"operationId": "g"}, "additionalOperations": further})
    assert sorted(actions(made)) == ["g", "p"]
    assert made["counts"]["operation"] == {"found": 3, "imported": 2, "skipped": 1}
    (skipped,) = made["skipped"]
    assert skipped["place"] == "#/paths/~1x/additionalOperations/LINK"
    assert skipped["reason"] == "an action's method is none of 'LINK'"


def test_further_operations_of_a_webhook_are_told() -> None:
    item: JsonValue = {"additionalOperations": {"LINK": {}}}
    made = made_of({"get": {}}, webhooks={"w": item})
    assert made["counts"]["webhook"]["skipped"] == 1


def test_a_whole_query_that_is_a_form_is_its_fields() -> None:
    schema: JsonObject = {
        "type": "object",
        "required": ["n"],
        "properties": {
            "n": {"type": "string"},
            "at": {"type": "object"},
            "ids": {"type": "array", "items": {"type": "string"}},
        },
    }
    encoding: JsonObject = {
        "at": {"style": "deepObject"},
        "ids": {"explode": False},
        "n": {"allowReserved": True},
    }
    media = "application/x-www-form-urlencoded"
    made = made_of(querystring(media, {"schema": schema, "encoding": encoding}, required=True))
    action = only_action(made)
    rules = action["request"]["query"]
    assert rules["n"] == {"type": "STRING"}
    assert {name for name, rule in rules.items() if rule.get("required") is False} == {"at", "ids"}
    assert action["styles"] == {"query:at": "brackets", "query:ids": "comma"}
    assert action["reserved"] == ["query:n"]
    assert made["left_out"] == []


@pytest.mark.parametrize(("required", "skipped"), [(True, 1), (False, 0)])
def test_a_whole_query_of_another_kind_is_told(*, required: bool, skipped: int) -> None:
    made = made_of(querystring("application/json", {"schema": {}}, required=required))
    assert made["counts"]["operation"]["skipped"] == skipped
    told = [one["reason"] for one in [*made["skipped"], *made["left_out"]]]
    assert told == ["its query is application/json as a whole, which an action does not send"]


def test_media_types_are_shared() -> None:
    media: JsonObject = {"M": {"schema": {"type": "integer"}}}
    parameter = {
        "name": "n",
        "in": "query",
        "content": {"application/json": {"$ref": "#/components/mediaTypes/M"}},
    }
    body: JsonObject = {"content": {"application/json": {"$ref": "#/components/mediaTypes/B"}}}
    media["B"] = {"schema": {"type": "object", "properties": {"a": {"type": "boolean"}}}}
    item: JsonObject = {
        "post": {"operationId": "x", "parameters": [parameter], "requestBody": body}
    }
    action = only_action(made_of(item, components={"mediaTypes": media}))
    assert action["request"]["query"]["n"]["type"] == "INTEGER"
    assert action["request"]["body"]["a"]["type"] == "BOOLEAN"


def test_a_body_of_items_is_a_text() -> None:
    item: JsonObject = {"itemSchema": {"type": "object"}}
    body: JsonObject = {"required": True, "content": {"application/jsonl": item}}
    action = only_action(made_of({"post": {"operationId": "x", "requestBody": body}}))
    assert (action["content_type"], action["headers"]) == (
        "text",
        {"Content-Type": "application/jsonl"},
    )


def test_reserved_signs_of_a_path_are_told() -> None:
    one: JsonObject = {"name": "p", "in": "path", "required": True, "schema": {"type": "string"}}
    item: JsonObject = {"get": {"operationId": "x", "parameters": [{**one, "allowReserved": True}]}}
    made = imported(an_openapi({"/x/{p}": item}, version="3.2.0"))
    (left,) = made["left_out"]
    assert left["reason"] == "reserved signs in it are percent-encoded all the same"


def test_a_device_asks_a_person() -> None:
    flow: JsonObject = {
        "deviceAuthorizationUrl": "https://a.example/device",
        "tokenUrl": "https://a.example/token",
        "scopes": {},
    }
    scheme: JsonObject = {"type": "oauth2", "flows": {"deviceAuthorization": flow}}
    made = made_of(
        {"get": {"operationId": "x"}},
        components={"securitySchemes": {"d": scheme}},
        security=[{"d": []}],
    )
    assert [auth["type"] for auth in app_of(made)["auths"]] == ["bearer"]


def test_a_scheme_is_named_by_its_address() -> None:
    scheme: JsonObject = {"type": "http", "scheme": "bearer"}
    made = made_of(
        {"get": {"operationId": "x", "security": [{"#/components/securitySchemes/k": []}]}},
        components={"securitySchemes": {"k": scheme}},
    )
    assert only_action(made)["auth"] == "k"
    assert made["counts"]["auth"] == {"found": 1, "imported": 1, "skipped": 0}


def test_a_server_has_a_name() -> None:
    servers: JsonValue = [
        {"url": "https://a.example"},
        {"url": "https://b.example", "name": "Test"},
    ]
    document = an_openapi({"/x": {"get": {}}}, version="3.2.0", servers=servers)
    assert app_of(imported(document, server="test"))["envs"][0]["base_url"] == "https://b.example"


async def test_a_document_has_an_address_of_its_own() -> None:
    document = an_openapi(
        {"/x": {"get": {"$ref": "https://a.example/v1/api.yaml#/components/x-get"}}},
        version="3.2.0",
        components={"x-get": {"operationId": "x"}},
        servers=[{"url": "/v2"}],
    )
    document["$self"] = "https://a.example/v1/api.yaml"

    async def read(location: str) -> JsonValue:
        if location != "api.yaml":
            raise NotFound(f"there is no file {location}", path=str(Path(location)))
        return document

    made = make("openapi", await gather("api.yaml", read), options())
    assert only_action(made)["tag"] == "x"
    assert app_of(made)["envs"][0]["base_url"] == "https://a.example/v2"
