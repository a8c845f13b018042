"""Postman collections: folders, variables, inherited auth, bodies, and what is left behind."""

import json
import time
from pathlib import Path

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product import parse_product
from ductape.errors import ValidationError
from ductape.importers import Imported
from tests.unit.importers.builders import (
    KEPT,
    a_collection,
    a_request,
    actions,
    app_of,
    imported,
    only_action,
)

SHOP: JsonObject = json.loads((KEPT / "shop.postman.json").read_text(encoding="utf-8"))
STAGING: JsonObject = json.loads((KEPT / "shop.environment.json").read_text(encoding="utf-8"))


def shop(**given: object) -> Imported:
    return imported(SHOP, "postman", **given)


def request(**parts: JsonValue) -> JsonObject:
    return only_action(imported(a_collection(a_request(**parts)), "postman"))


def test_what_was_imported_and_skipped_is_what_there_was() -> None:
    made = shop()
    assert made["counts"] == {
        "auth": {"found": 4, "imported": 3, "skipped": 1},
        "operation": {"found": 10, "imported": 7, "skipped": 3},
    }
    assert len(made["skipped"]) == 4
    assert parse_product(made["document"]).tag == "p"


def test_a_folder_begins_the_tag() -> None:
    assert list(actions(shop())) == [
        "Orders-Get-order",
        "Orders-Create-order",
        "Orders-Upload-invoice",
        "Orders-Send-file",
        "GraphQL",
        "Tenant-page",
    ]


def test_no_credential_leaves_the_collection() -> None:
    written = json.dumps(shop())
    for secret in ("hunter2", "hunter22hunter", "abcdef123456", "t0ps3cret", "xyz12345"):
        assert secret not in written


@pytest.mark.parametrize(
    ("tag", "auth"),
    [
        ("Orders-Get-order", "apikey"),
        ("Orders-Create-order", None),
        ("Tenant-page", "bearer"),
        ("GraphQL", None),
    ],
)
def test_the_nearest_auth_counts(tag: str, auth: str | None) -> None:
    assert actions(shop())[tag].get("auth") == auth


def test_a_variable_of_a_name_of_its_own_is_the_secrets_name() -> None:
    auths = app_of(shop())["auths"]
    assert isinstance(auths, list)
    assert {"tag": "bearer", "type": "bearer", "token": "$Secret{a_token}"} in auths


def test_an_environment_gives_an_env_its_values() -> None:
    made = shop(envs=("dev", "stg"), environments={"stg": STAGING})
    assert app_of(made)["envs"] == [
        {"slug": "dev", "base_url": "https://shop.example/v2"},
        {"slug": "stg", "base_url": "https://staging.shop.example"},
    ]
    assert app_of(made)["variables"] == [
        {
            "key": "tenant",
            "envs": [{"slug": "dev", "value": "blue"}, {"slug": "stg", "value": "green"}],
        }
    ]


def test_an_option_wins_over_every_variable() -> None:
    made = shop(variables={"tenant": "red", "page": "home"})
    assert (
        actions(made)["Tenant-page"]["resource"]
        == "/t/$Variable{a}{tenant}/bot:{apiSecret}/$Variable{a}{page}"
    )


def test_a_body_keeps_what_is_known_and_asks_for_the_rest() -> None:
    made = shop()
    action = actions(made)["Orders-Create-order"]
    assert action["body"] == {
        "sku": "A",
        "count": 2,
        "gift": True,
        "password": "$Secret{a_password}",
        "cost": "$$5",
    }
    assert action["request"] == {"body": {"gift": {"type": "BOOLEAN", "required": False}}}
    told = {
        "place": "item[0].item[1] (Orders / Create order)",
        "part": "body field `id`",
        "reason": "it has no value, and may be of any type: give it",
    }
    assert told in made["left_out"]


def test_scripts_and_what_is_disabled_are_told() -> None:
    left = [(one["part"], one["place"].partition(" ")[0]) for one in shop()["left_out"]]
    assert left.count(("script", "the")) == 1
    assert ("script", "item[0]") in left
    assert ("script", "item[0].item[1]") in left
    assert ("header `X-Off`", "item[0].item[0]") in left
    assert ("parameter `off` in query", "item[0].item[0]") in left
    assert ("body field `old`", "item[1]") in left


@pytest.mark.parametrize(
    ("url", "base", "resource", "query"),
    [
        ("https://a.example/x/:id/y?b=1&b=2", "https://a.example", "/x/:id/y", {"b": ["1", "2"]}),
        ("a.example", "http://a.example", "/", None),
        ("https://me:pw@a.example:8443/", "https://a.example:8443", "/", None),
        ({"raw": "https://a.example/x?y=%20z"}, "https://a.example", "/x", {"y": " z"}),
        (
            {"host": "a.example", "path": "/x/y", "protocol": "https"},
            "https://a.example",
            "/x/y",
            None,
        ),
        (
            {"protocol": "https", "host": ["a", "example"], "path": ["x", {"value": ":user-id"}]},
            "https://a.example",
            "/x/:{user-id}",
            None,
        ),
    ],
)
def test_a_url_has_many_forms(url: JsonValue, base: str, resource: str, query: JsonValue) -> None:
    made = imported(a_collection(a_request(url=url)), "postman")
    assert app_of(made)["envs"] == [{"slug": "dev", "base_url": base}]
    action = only_action(made)
    assert (action["resource"], action.get("query")) == (resource, query)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"mode": "raw", "raw": "<a/>"}, ("text", {"Content-Type": "application/xml"}, "<a/>")),
        ({"mode": "raw", "raw": "[1, 2]"}, (None, None, [1, 2])),
        ({"mode": "raw", "raw": ""}, (None, None, None)),
        (
            {"mode": "raw", "raw": "{bad", "options": {"raw": {"language": "json"}}},
            ("text", {"Content-Type": "application/json"}, "{bad"),
        ),
        ({"mode": "urlencoded", "urlencoded": "a=1&b=2"}, ("form", None, {"a": "1", "b": "2"})),
        ({"mode": "raw", "raw": '{"a": NaN}'}, ("text", None, '{"a": NaN}')),
    ],
)
def test_a_body_has_many_forms(body: JsonValue, expected: tuple[JsonValue, ...]) -> None:
    action = request(method="POST", body=body)
    assert (action.get("content_type"), action.get("headers"), action.get("body")) == expected


def test_a_form_with_files_asks_for_them_and_keeps_the_rest() -> None:
    made = shop()
    action = actions(made)["Orders-Upload-invoice"]
    assert action["content_type"] == "multipart"
    assert "headers" not in action
    assert action["body"] == {"meta": {"lang": "nl"}, "note": "for you", "tags": ["a", "b"]}
    assert action["request"] == {
        "body": {
            "meta": {"type": "OBJECT", "required": False},
            "tags": {"type": "ARRAY", "required": False},
            "f": {"type": "OBJECT"},
            "pages": {"type": "OBJECT_ARRAY"},
        }
    }
    left = {one["part"] for one in made["left_out"] if one["place"].startswith("item[0].item[2]")}
    assert left == {
        "body field `f`",
        "body field `pages`",
        "body field `gone`",
    }


def test_a_request_of_a_file_asks_for_it() -> None:
    header = [{"key": "Content-Type", "value": "application/octet-stream"}]
    body = {"mode": "file", "file": {"src": "x"}}
    made = imported(a_collection(a_request(method="PUT", header=header, body=body)), "postman")
    action = only_action(made)
    assert action["content_type"] == "file"
    assert action["headers"] == {"Content-Type": "application/octet-stream"}
    assert [one["part"] for one in made["left_out"]] == ["body"]


def test_a_request_of_a_file_that_the_collection_has_sends_it() -> None:
    body: JsonObject = {"mode": "file", "file": {"src": "/home/me/a.csv", "content": "a;b"}}
    action = request(method="PUT", body=body)
    assert action["content_type"] == "file"
    assert action["body"] == {"buffer": "YTti", "fileName": "a.csv"}


@pytest.mark.parametrize("content", ["key: sk_test_4eC39HqLyjWDarjtT1zdp7dc", "{{what}}"])
def test_a_file_that_opens_something_or_is_not_known_is_asked_for(content: str) -> None:
    body: JsonObject = {"mode": "file", "file": {"src": None, "content": content}}
    made = imported(a_collection(a_request(method="PUT", body=body)), "postman")
    assert only_action(made)["body_required"] is True
    assert [one["part"] for one in made["left_out"]] == ["body"]


def test_a_form_without_parts_is_no_body() -> None:
    action = request(method="POST", body={"mode": "formdata", "formdata": []})
    assert "content_type" not in action


def test_a_literal_credential_in_a_header_becomes_a_secret() -> None:
    action = request(
        header=[
            {"key": "Authorization", "value": "Bearer abcdefgh"},
            {"key": "X-Sig", "value": "{{sig}}"},
        ]
    )
    assert action["headers"] == {
        "Authorization": "Bearer $Secret{a_Authorization}",
        "X-Sig": "$Secret{a_sig}",
    }


def test_a_collection_inside_of_an_answer_is_taken() -> None:
    made = imported({"collection": a_collection(a_request())}, "postman", app="")
    assert made["apps"] == ["shop"]


@pytest.mark.parametrize(
    ("document", "hint"),
    [
        ({"openapi": "3.0.0"}, "import openapi"),
        ({"info": {"schema": "…/v1.0.0/collection.json"}, "item": []}, "Collection v2.1"),
        ([], "Collection v2.1"),
    ],
)
def test_another_document_is_refused(document: JsonValue, hint: str) -> None:
    with pytest.raises(ValidationError, match=hint):
        imported(document, "postman")


def test_a_collection_of_version_2_0_is_taken_too() -> None:
    basic: JsonObject = {"type": "basic", "basic": {"username": "{{id}}", "password": "{{word}}"}}
    oauth2: JsonObject = {"type": "oauth2", "oauth2": {"accessToken": "{{token}}"}}
    url: JsonObject = {
        "raw": "https://shop.example/orders/:id",
        "host": ["shop", "example"],
        "protocol": "https",
        "path": ["orders", ":id"],
        "variable": [{"id": "id", "value": "7"}],
    }
    items = [{"name": "o", "item": [a_request(url=url)]}, a_request(auth=basic)]
    document = a_collection(*items, auth=oauth2)
    document["info"] = {"name": "Shop", "schema": "https://…/v2.0.0/collection.json"}
    made = imported(document, "postman")
    assert made["format"] == "Postman 2.0"
    first, second = actions(made).values()
    assert (first["resource"], first["params"]) == ("/orders/:id", {"id": "7"})
    assert (first["auth"], second["auth"]) == ("oauth2", "basic")
    assert [one["name"] for one in made["secrets"]] == ["a_token", "a_id", "a_word"]


@pytest.mark.parametrize("given", [[], [{"key": "base", "value": "/api"}]])
def test_a_collection_without_any_address_is_refused_with_what_to_do(given: JsonValue) -> None:
    with pytest.raises(ValidationError, match="--server"):
        imported(a_collection(a_request(url="{{base}}/x"), variable=given), "postman")


def test_the_kept_collection_is_counted_as_by_hand() -> None:
    assert Path(KEPT / "shop.postman.json").read_text().count('"request"') == 9


def test_an_auth_can_be_named_for_what_the_collection_leaves_without() -> None:
    made = shop(auth="header:X-Key")
    assert actions(made)["GraphQL"]["auth"] == "given"
    assert actions(made)["Orders-Create-order"].get("auth") is None
    assert actions(made)["Orders-Get-order"]["auth"] == "apikey"


def test_a_figure_under_a_telling_name_is_none_that_opens() -> None:
    pairs: list[JsonValue] = [
        {"key": "max_tokens", "value": "100"},
        {"key": "token", "value": "100"},
    ]
    action = request(method="POST", body={"mode": "urlencoded", "urlencoded": pairs})
    assert action["body"] == {"max_tokens": "100", "token": "$Secret{a_token}"}


def test_the_word_before_a_secret_variable_stays() -> None:
    headers: list[JsonValue] = [{"key": "Authorization", "value": "Bearer {{access}}"}]
    collection = a_collection(
        a_request(header=headers), variable=[{"key": "access", "value": "abc"}]
    )
    made = imported(collection, "postman")
    assert only_action(made)["headers"] == {"Authorization": "Bearer $Secret{a_access}"}
    assert "variables" not in app_of(made)


def test_two_values_are_two_secrets() -> None:
    bodies: list[JsonValue] = [
        {"key": "password", "value": value} for value in ("one", "two", "one")
    ]
    items = [
        a_request(method="POST", body={"mode": "urlencoded", "urlencoded": [body]})
        for body in bodies
    ]
    made = imported(a_collection(*items), "postman")
    assert [action["body"] for action in actions(made).values()] == [
        {"password": "$Secret{a_password}"},
        {"password": "$Secret{a_password_2}"},
        {"password": "$Secret{a_password}"},
    ]


def test_a_url_inside_of_a_path_is_part_of_it() -> None:
    item = a_request(url="{{base}}/proxy/https://b.example")
    made = imported(a_collection(item, variable=[{"key": "base", "value": "a.example"}]), "postman")
    assert only_action(made)["resource"] == "/proxy/https://b.example"


def test_thousands_of_requests_of_one_name_are_quick() -> None:
    made = imported(a_collection(*[a_request() for _ in range(5_000)]), "postman")
    assert list(actions(made))[-1] == "x-5000"


def test_thousands_of_secrets_of_one_name_are_quick() -> None:
    items = [a_request(header=[{"key": "X-Api-Key", "value": f"v{at}"}]) for at in range(20_000)]
    began = time.process_time()
    made = imported(a_collection(*items), "postman")
    assert len({one["name"] for one in made["secrets"]}) == 20_000
    assert time.process_time() - began < 25  # A look at each for each takes longer.


def test_a_clients_own_credentials_are_an_oauth2_auth() -> None:
    parts = {
        "grant_type": "client_credentials",
        "accessTokenUrl": "{{auth}}/token",
        "clientId": "{{id}}",
        "clientSecret": "s3cretvalue",
        "scope": "read write",
    }
    pairs: list[JsonValue] = [{"key": key, "value": value} for key, value in parts.items()]
    collection = a_collection(
        a_request(auth={"type": "oauth2", "oauth2": pairs}),
        variable=[{"key": "auth", "value": "https://auth.example"}],
    )
    made = imported(collection, "postman")
    assert app_of(made)["auths"] == [
        {
            "tag": "oauth2",
            "type": "oauth2",
            "grant": "client_credentials",
            "token_url": "https://auth.example/token",
            "client_id": "$Secret{a_id}",
            "client_secret": "$Secret{a_oauth2_clientSecret}",
            "scope": "read write",
        }
    ]
    assert parse_product(made["document"])


def test_a_collection_has_no_servers_to_choose_from() -> None:
    with pytest.raises(ValidationError, match="a URL"):
        shop(server="2")
