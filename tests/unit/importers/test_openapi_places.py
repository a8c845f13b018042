"""Servers, security and references of an OpenAPI document, and documents that are none."""

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product import parse_product
from ductape.errors import ValidationError
from ductape.importers import make
from ductape.importers.documents import Documents
from tests.unit.importers.builders import (
    actions,
    an_openapi,
    an_operation,
    app_of,
    imported,
    imported_file,
    only_action,
    options,
)

ONE = {"/x": {"get": {"operationId": "x"}}}


def bases(document: JsonObject, **given: object) -> list[JsonValue]:
    envs = app_of(imported(document, **given))["envs"]
    assert isinstance(envs, list)
    return [one["base_url"] for one in envs if isinstance(one, dict)]


SERVERS: list[JsonValue] = [
    {
        "url": "https://{region}.api.example/v1/",
        "description": "live",
        "variables": {"region": {"default": "eu"}},
    },
    {"url": "https://sandbox.example", "description": "Try it here"},
]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["https://eu.api.example/v1"]),
        ({"variables": {"region": "us"}}, ["https://us.api.example/v1"]),
        ({"server": "2"}, ["https://sandbox.example"]),
        ({"server": "try"}, ["https://sandbox.example"]),
        ({"server": "http://127.0.0.1:80/"}, ["http://127.0.0.1:80"]),
        (
            {"envs": ("dev", "prd"), "servers": {"dev": "sandbox"}},
            ["https://sandbox.example", "https://eu.api.example/v1"],
        ),
    ],
)
def test_a_server_is_chosen(given: dict[str, object], expected: list[str]) -> None:
    assert bases(an_openapi(ONE, servers=SERVERS), **given) == expected


def test_servers_are_numbered_as_they_are_written() -> None:
    servers: list[JsonValue] = [{"url": "/v1"}, {"url": "https://two.example"}]
    assert bases(an_openapi(ONE, servers=servers), server="2") == ["https://two.example"]
    with pytest.raises(ValidationError, match="no absolute URL"):
        imported(an_openapi(ONE, servers=servers), server="1")


@pytest.mark.parametrize(
    "url",
    ["/v1", "", "ftp://x.example", "https://", "https://{host}/", "http://[::1", "https://a b"],
)
def test_a_document_without_a_usable_server_is_refused_with_what_to_do(url: str) -> None:
    with pytest.raises(ValidationError, match="--server"):
        imported(an_openapi(ONE, servers=[{"url": url}]))


def test_a_relative_server_goes_by_the_documents_own_url() -> None:
    where = "https://docs.example/api/openapi.json"
    document = an_openapi(ONE, servers=[{"url": "../v3"}])
    made = make("openapi", Documents(where, {where: document}, {}), options())
    assert app_of(made)["envs"] == [{"slug": "dev", "base_url": "https://docs.example/v3"}]


def test_a_servers_credentials_stay_behind() -> None:
    document = an_openapi(ONE, servers=[{"url": "https://me:s3cret@api.example/v1?key=1#x"}])
    assert bases(document) == ["https://api.example/v1"]


def test_what_a_server_has_beside_its_address_is_told() -> None:
    servers: list[JsonValue] = [
        {"url": "https://me:s3cret@api.example/v1?version=2&key=s3cret"},
        {"url": "https://other.example?unused=1"},
    ]
    made = imported(an_openapi(ONE, servers=servers))
    assert [(one["place"], one["part"]) for one in made["left_out"]] == [
        ("#/servers/0", "query `version`, `key`"),
        ("#/servers/0", "credentials"),
    ]
    assert "s3cret" not in str(made)


async def test_operations_with_servers_of_their_own_are_apps_of_their_own() -> None:
    made = await imported_file("telephony.json")
    assert made["apps"] == ["a", "a-lookups.telephony.example"]
    assert list(actions(made, 1)) == ["FetchLookup"]
    assert app_of(made, 1)["auths"] == app_of(made)["auths"]


async def test_a_server_that_is_given_is_for_every_operation() -> None:
    made = await imported_file("telephony.json", server="http://127.0.0.1:8080")
    assert made["apps"] == ["a"]
    assert app_of(made)["allow_private"] is True
    assert made["counts"]["server"]["skipped"] == 2


@pytest.mark.parametrize(
    ("tag", "auth"),
    [
        ("users-get", "bearerAuth"),
        ("delete-users-id", None),
        ("get-compare-base...head", "cookieKey"),
        ("count", "basicAuth"),
        ("xml", None),
    ],
)
async def test_an_action_shows_what_its_operation_asks_for(tag: str, auth: str | None) -> None:
    made = await imported_file("everything.yaml")
    assert actions(made)[tag].get("auth") == auth


async def test_two_keys_are_shown_together() -> None:
    made = await imported_file("everything.yaml")
    (action,) = actions(made, 1).values()
    assert (action["auth"], action["query"]) == ("keyHeader", {"key": "$Secret{a_keyQuery_key}"})


async def test_a_token_is_preferred_to_a_password() -> None:
    made = await imported_file("payments.json")
    assert actions(made)["PostCharges"]["auth"] == "bearerAuth"


async def test_every_secret_is_told_with_the_command_that_stores_it() -> None:
    made = await imported_file("cluster.json", server="https://c.example")
    assert [one["command"] for one in made["secrets"]] == [
        "ductape secrets set a_BearerToken_key --product p"
    ]


async def test_references_are_followed_across_files() -> None:
    made = await imported_file("split/openapi.yaml")
    request = actions(made)["addPet"]["request"]
    assert request == {
        "body": {
            "name": {"type": "STRING"},
            "owner": {"type": "OBJECT"},
            "friend": {"type": "OBJECT", "required": False},
        }
    }
    assert actions(made)["getPet"]["request"] == {"params": {"petId": {"type": "INTEGER"}}}


async def test_a_path_whose_reference_leads_nowhere_is_skipped() -> None:
    made = await imported_file("split/openapi.yaml")
    assert [one["place"] for one in made["skipped"]] == [
        "#/paths/~1gone",
        "#/paths/~1outside",
        "#/paths/~1far",
    ]


def test_operations_beside_a_paths_reference_count_too() -> None:
    document = an_openapi({"/x": {"$ref": "#/x-shared", "get": {"operationId": "own"}}})
    document["x-shared"] = {"get": {"operationId": "other"}, "put": {"operationId": "shared"}}
    assert list(actions(imported(document))) == ["own", "shared"]


def test_a_reference_in_a_circle_is_told() -> None:
    document = an_operation(parameters=[{"$ref": "#/components/parameters/A"}])
    document["components"] = {"parameters": {"A": {"$ref": "#/components/parameters/A"}}}
    (left,) = imported(document)["left_out"]
    assert "circle" in left["reason"]


@pytest.mark.parametrize(
    ("document", "hint"),
    [
        ({"swagger": "2.0", "paths": {}}, "convert it to OpenAPI 3"),
        ({"openapi": "2.0.0"}, "3.1 or 3.2"),
        ({"openapi": "4.0.0"}, "3.1 or 3.2"),
        ({"openapi": 2}, "3.1 or 3.2"),
        ({"info": {"_postman_id": "x"}, "item": []}, "import postman"),
        ([], "3.1 or 3.2"),
        (None, "3.1 or 3.2"),
    ],
)
def test_another_document_is_refused(document: JsonValue, hint: str) -> None:
    with pytest.raises(ValidationError, match=hint):
        imported(document)


def test_a_tag_can_have_a_prefix() -> None:
    assert only_action(imported(an_openapi(ONE), prefix="crm_"))["tag"] == "crm_x"


async def test_an_operation_may_be_a_reference() -> None:
    document = an_openapi({"/x": {"get": {"$ref": "#/x-get"}, "put": {"$ref": "#/x-gone"}}})
    document["x-get"] = {"operationId": "shared"}
    made = imported(document)
    assert list(actions(made)) == ["shared"]
    assert [one["place"] for one in made["skipped"]] == ["#/paths/~1x/put"]


def test_what_the_auth_sends_is_not_asked_for_again() -> None:
    parameters: list[JsonValue] = [
        {"name": "key", "in": "query", "required": True, "schema": {"type": "string"}},
        {"name": "Idempotency-Key", "in": "header", "required": True, "schema": {"type": "string"}},
    ]
    document = an_operation(parameters=parameters, security=[{"k": []}])
    scheme: JsonObject = {"type": "apiKey", "in": "query", "name": "key"}
    action = only_action(imported({**document, "components": {"securitySchemes": {"k": scheme}}}))
    assert (action["auth"], action["request"]) == (
        "k",
        {"headers": {"Idempotency-Key": {"type": "STRING", "required": False}}},
    )


def test_without_an_action_there_is_no_app() -> None:
    schemes: JsonObject = {"b": {"type": "http", "scheme": "bearer"}}
    document = an_openapi({}, version="3.1.0", components={"securitySchemes": schemes})
    made = imported({**document, "webhooks": {"w": {"post": {}}}})
    assert made["apps"] == []
    assert made["counts"]["auth"] == {"found": 1, "imported": 0, "skipped": 1}
    assert made["counts"]["webhook"] == {"found": 1, "imported": 0, "skipped": 1}


@pytest.mark.parametrize("auth", ["bearer", "basic", "header:X-Key", "query:key"])
def test_an_auth_can_be_named_for_what_the_document_leaves_without(auth: str) -> None:
    paths: JsonObject = {
        "/a": {"get": {"operationId": "a"}},
        "/b": {"get": {"operationId": "b", "security": [{"o": []}]}},
        "/c": {"get": {"operationId": "c", "security": []}},
        "/d": {"get": {"operationId": "d", "security": [{"given": []}]}},
    }
    schemes: JsonObject = {"o": {"type": "oauth2"}, "given": {"type": "http", "scheme": "bearer"}}
    made = imported(an_openapi(paths, components={"securitySchemes": schemes}), auth=auth)
    shown = {tag: action.get("auth") for tag, action in actions(made).items()}
    assert shown == {"a": "given", "b": "given", "c": None, "d": "given-2"}
    assert parse_product(made["document"])


def test_of_two_cookies_one_is_sent_and_the_other_told() -> None:
    cookies: JsonObject = {
        name: {"type": "apiKey", "in": "cookie", "name": name} for name in ("one", "two")
    }
    document = an_operation(security=[{"one": [], "two": []}])
    made = imported({**document, "components": {"securitySchemes": cookies}})
    assert only_action(made)["auth"] == "one"
    assert made["notes"] == ["`two` is asked for beside another auth: only one is sent"]


def test_a_clients_own_credentials_are_an_oauth2_auth() -> None:
    flows: JsonObject = {
        "clientCredentials": {"tokenUrl": "https://auth.example/token", "scopes": {"read": ""}}
    }
    document = an_operation(security=[{"o": ["read"]}])
    scheme: JsonObject = {"type": "oauth2", "flows": flows}
    made = imported({**document, "components": {"securitySchemes": {"o": scheme}}})
    assert only_action(made)["auth"] == "o"
    assert app_of(made)["auths"] == [
        {
            "tag": "o",
            "type": "oauth2",
            "grant": "client_credentials",
            "token_url": "https://auth.example/token",
            "client_id": "$Secret{a_o_client_id}",
            "client_secret": "$Secret{a_o_client_secret}",
        }
    ]
    assert parse_product(made["document"])
    assert made["notes"] == ["`o` asks for no scope; the document has: read"]


@pytest.mark.parametrize("choice", ["3", "0", "production", "api.other.example"])
def test_a_choice_that_no_server_fits_is_refused(choice: str) -> None:
    with pytest.raises(ValidationError, match=r"sandbox\.example"):
        imported(an_openapi(ONE, servers=SERVERS), server=choice)


def test_a_version_without_quotes_is_one() -> None:
    assert imported({**an_openapi(ONE), "openapi": 3.1})["format"] == "OpenAPI 3.1"


def test_anchors_are_found_and_wrong_ones_cost_one_look() -> None:
    schemas: JsonObject = {"A": {"$anchor": "a", "type": "integer"}, "B": {"x": [{}] * 20_000}}
    paths: JsonObject = {
        f"/{at}": {
            "get": {"parameters": [{"name": "q", "in": "query", "schema": {"$ref": f"#{name}"}}]}
        }
        for at, name in enumerate(["a"] + ["User"] * 3_000)
    }
    made = imported(an_openapi(paths, version="3.1.0", components={"schemas": schemas}))
    assert actions(made)["get-0"]["request"] == {
        "query": {"q": {"type": "INTEGER", "required": False}}
    }
    assert made["actions"] == 3_001


def test_a_parameters_name_has_no_sign_of_references() -> None:
    parameters: list[JsonValue] = [{"name": "$id", "in": "path", "schema": {"type": "integer"}}]
    made = imported(an_openapi({"/x/{$id}": {"get": {"parameters": parameters}}}))
    assert only_action(made)["resource"] == "/x/:id"
    assert only_action(made)["request"] == {"params": {"id": {"type": "INTEGER"}}}


def test_a_server_without_a_scheme_is_reached_by_https() -> None:
    made = imported(an_openapi({"/x": {"get": {}}}, servers=[{"url": "//api.example/v1"}]))
    assert app_of(made)["envs"] == [{"slug": "dev", "base_url": "https://api.example/v1"}]
