"""What makers' collections have in their requests: types, empty bodies, auths said twice."""

import time

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from tests.unit.importers.builders import (
    a_collection,
    a_request,
    actions,
    app_of,
    imported,
    only_action,
)


def action_of(**parts: JsonValue) -> JsonObject:
    """Return the action of one request."""
    return only_action(imported(a_collection(a_request(**parts)), "postman"))


def raw(text: str) -> JsonObject:
    return {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}


@pytest.mark.parametrize(
    ("mime", "kept"),
    [
        ("application/json-patch+json", {"Content-Type": "application/json-patch+json"}),
        ("application/json; charset=utf-8", {"Content-Type": "application/json; charset=utf-8"}),
        ("Application/JSON", None),
    ],
)
def test_a_body_is_sent_as_the_requests_own_type(mime: str, kept: JsonObject | None) -> None:
    header: JsonValue = [{"key": "Content-Type", "value": mime}]
    assert (
        action_of(method="PATCH", header=header, body=raw('[{"op": "x"}]')).get("headers") == kept
    )


@pytest.mark.parametrize("body", [None, {"mode": "raw", "raw": ""}, {"mode": "none"}])
def test_a_request_without_a_body_keeps_the_type_that_it_says(body: JsonValue) -> None:
    header: JsonValue = [{"key": "Content-Type", "value": "application/json"}]
    action = action_of(method="POST", header=header, body=body)
    assert action.get("headers") == {"Content-Type": "application/json"}


@pytest.mark.parametrize("mode", ["urlencoded", "formdata"])
def test_a_form_is_sent_as_a_form_whatever_the_request_says(mode: str) -> None:
    header: JsonValue = [{"key": "content-type", "value": "application/json"}]
    body: JsonObject = {"mode": mode, mode: [{"key": "a", "value": "1"}]}
    made = imported(a_collection(a_request(method="POST", header=header, body=body)), "postman")
    assert "headers" not in only_action(made)
    assert [one["part"] for one in made["left_out"]] == ["header `content-type`"]


def test_a_body_of_text_is_sent_as_the_collection_says() -> None:
    header: JsonValue = [{"key": "Content-Type", "value": "text/plain"}]
    action = action_of(method="POST", header=header, body={"mode": "raw", "raw": "hello"})
    assert (action["content_type"], action["headers"]) == ("text", {"Content-Type": "text/plain"})


def test_an_empty_object_is_a_body() -> None:
    assert action_of(method="PUT", body=raw("{}"))["body"] == {}


@pytest.mark.parametrize(("where", "name"), [("query", "key"), ("header", "X-Key")])
def test_what_the_auth_sends_the_request_does_not_send_again(where: str, name: str) -> None:
    key: JsonValue = [
        {"key": "key", "value": name},
        {"key": "in", "value": where},
        {"key": "value", "value": "v"},
    ]
    url: JsonObject = {
        "raw": "https://shop.example/x",
        "host": "https://shop.example",
        "path": ["x"],
        "query": [{"key": "key", "value": "1"}, {"key": "n", "value": "2"}],
    }
    header: JsonValue = [{"key": "x-key", "value": "1"}, {"key": "X-N", "value": "2"}]
    made = imported(
        a_collection(a_request(url=url, header=header, auth={"type": "apikey", "apikey": key})),
        "postman",
    )
    action = only_action(made)
    query, headers = action["query"], action["headers"]
    assert isinstance(query, dict)
    assert isinstance(headers, dict)
    assert ("key" in query, "x-key" in headers) == (where == "header", where == "query")
    assert [one["reason"] for one in made["left_out"]] == ["the auth sends it"]
    assert (query["n"], headers["X-N"]) == ("2", "2")


def test_a_placeholder_is_no_credential_where_its_name_may_be_plain() -> None:
    query: JsonValue = [
        {"key": "key", "value": "<string>"},
        {"key": "access_token", "value": "<string>"},
    ]
    url: JsonObject = {"raw": "", "host": "https://shop.example", "path": ["x"], "query": query}
    assert action_of(url=url)["query"] == {
        "key": "<string>",
        "access_token": "$Secret{a_access_token}",
    }


def test_a_part_of_text_may_say_that_it_is_json() -> None:
    parts: JsonValue = [{"key": "n", "value": "5", "contentType": "application/json"}]
    action = action_of(method="POST", body={"mode": "formdata", "formdata": parts})
    assert (action["body"], action["part_types"]) == ({"n": "5"}, {"n": "application/json"})


def test_a_part_says_the_type_that_the_collection_has() -> None:
    fields: JsonValue = [
        {"key": "sdp", "value": "v=0", "type": "text", "contentType": "application/sdp"},
        {"key": "meta", "value": "{}", "type": "text", "contentType": "application/json"},
        {"key": "odd", "value": "x", "type": "text", "contentType": "odd"},
        {"key": "f", "type": "file", "src": [], "contentType": "image/png"},
    ]
    made = imported(
        a_collection(a_request(method="POST", body={"mode": "formdata", "formdata": fields})),
        "postman",
    )
    assert only_action(made)["part_types"] == {"sdp": "application/sdp", "f": "image/png"}
    assert "its part does not say that it is odd" in {one["reason"] for one in made["left_out"]}


@pytest.mark.parametrize(
    "begins",
    [
        '"\\',
        '"',
        "{{",
        "{{a",
        '"{{a}}',
        "{{a}}",
        '{"',
        "NaN",
        "/*",
        "//",
        "/",
        "://a:",
        "eyJ-",
        "[",
        "\\",
    ],
)
@pytest.mark.parametrize("language", ["json", "text", ""])
def test_no_body_takes_longer_than_its_length(begins: str, language: str) -> None:
    body: JsonObject = {
        "mode": "raw",
        "raw": begins * 100_000,
        "options": {"raw": {"language": language}},
    }
    began = time.process_time()
    action_of(method="POST", body=body)
    assert time.process_time() - began < 10  # What looks again for each sign takes minutes.


URLS: JsonObject = {
    "name": "prd",
    "values": [{"key": "url", "value": "https://b.example/y?b=2&token=t0ps3cret"}],
}


def test_a_url_in_a_variable_is_each_envs_own() -> None:
    given: JsonValue = [{"key": "url", "value": "https://a.example/x?a=1"}]
    collection = a_collection(a_request(url="{{url}}?n=0"), variable=given)
    made = imported(collection, "postman", envs=("dev", "prd"), environments={"prd": URLS})
    assert app_of(made)["envs"] == [
        {"slug": "dev", "base_url": "https://a.example"},
        {"slug": "prd", "base_url": "https://b.example"},
    ]
    action = only_action(made)
    assert (action["resource"], action["query"]) == ("/x", {"n": "0"})
    assert action["envs"] == [
        {"slug": "dev", "query": {"a": "1"}},
        {"slug": "prd", "resource": "/y", "query": {"b": "2", "token": "$Secret{a_token}"}},
    ]


def test_a_server_of_ones_own_keeps_the_path_that_a_variable_has() -> None:
    given: JsonValue = [
        {"key": "url", "value": "https://a.example/x?a=1"},
        {"key": "base", "value": "https://a.example/v1"},
    ]
    items = [a_request(url=url) for url in ("{{url}}", "{{base}}", "{{base}}/y", "{{none}}")]
    made = imported(a_collection(*items, variable=given), "postman", server="https://s.example/")
    assert [(one["resource"], one.get("query")) for one in actions(made).values()] == [
        ("/x", {"a": "1"}),
        ("", None),
        ("/y", None),
        ("/", None),
    ]


def test_a_query_before_a_path_is_told() -> None:
    given: JsonValue = [{"key": "url", "value": "https://a.example/x?a=1"}]
    made = imported(a_collection(a_request(url="{{url}}/y"), variable=given), "postman")
    assert [one["part"] for one in made["left_out"]] == ["query of the address"]
    assert app_of(made)["envs"] == [{"slug": "dev", "base_url": "https://a.example/x"}]


def test_an_environments_variables_win_over_a_folders() -> None:
    inside: JsonValue = [{"key": "v", "value": "folder"}]
    folder: JsonObject = {
        "name": "f",
        "variable": inside,
        "item": [a_request(url="a.example/{{v}}")],
    }
    environments = {"dev": {"values": [{"key": "v", "value": "environment"}]}}
    made = imported(a_collection(folder), "postman", environments=environments)
    assert app_of(made)["variables"] == [{"key": "v", "value": "environment"}]


def test_what_holds_a_secret_variable_is_a_secret() -> None:
    given: JsonValue = [
        {"key": "login", "value": "user={{user}}"},
        {"key": "user", "value": "me:{{password}}"},
        {"key": "password", "value": "hunter2"},
    ]
    header: JsonValue = [{"key": "X-Login", "value": "{{login}}"}]
    made = imported(a_collection(a_request(header=header), variable=given), "postman")
    assert only_action(made)["headers"] == {"X-Login": "$Secret{a_login}"}
    assert "hunter2" not in str(made)


def test_variables_that_grow_inside_one_another_are_bounded() -> None:
    given: JsonValue = [{"key": f"v{at}", "value": f"{{{{v{at + 1}}}}}" * 100} for at in range(6)]
    last: JsonValue = {"key": "v6", "value": "x"}
    assert isinstance(given, list)
    made = imported(
        a_collection(a_request(), a_request(url="{{v0}}/x"), variable=[*given, last]), "postman"
    )
    assert "has no value" in made["skipped"][0]["reason"]


def an_oauth2(**settings: JsonValue) -> JsonObject:
    pairs: list[JsonValue] = [{"key": key, "value": value} for key, value in settings.items()]
    return {"type": "oauth2", "oauth2": pairs}


CLIENT: dict[str, JsonValue] = {
    "grant_type": "client_credentials",
    "accessTokenUrl": "{{auth}}/token",
    "clientId": "{{id}}",
    "clientSecret": "{{secret}}",
}


def test_what_a_client_cannot_ask_for_is_told() -> None:
    params: JsonValue = [
        {"key": "audience", "value": "a", "send_as": "request_body", "enabled": True},
        {"key": "resource", "value": "r", "send_as": "request_url"},
        {"key": "off", "value": "r", "enabled": False},
    ]
    auth = an_oauth2(
        **CLIENT,
        addTokenTo="queryParams",
        headerPrefix="Token",
        resource="r",
        scope="{{nothing}}",
        tokenRequestParams=params,
    )
    given: JsonValue = [{"key": "auth", "value": "https://id.example"}]
    made = imported(a_collection(a_request(), auth=auth, variable=given), "postman")
    assert [(one["place"], one["reason"]) for one in made["left_out"]] == [
        ("auth", "its `scope` has no value, or not the same in every env"),
        ("auth", "its token URL is not sent `resource`"),
        ("auth", "its token is sent in a header, not in the query"),
        ("auth", "its token URL is not sent `resource`"),
    ]
    auths = app_of(made)["auths"]
    assert isinstance(auths, list)
    assert isinstance(auths[0], dict)
    assert auths[0]["audience"] == "a"


def test_each_env_has_its_own_token_url() -> None:
    given: JsonValue = [{"key": "auth", "value": "https://id.example"}]
    environments = {"prd": {"values": [{"key": "auth", "value": "https://prd.example"}]}}
    made = imported(
        a_collection(a_request(), auth=an_oauth2(**CLIENT), variable=given),
        "postman",
        envs=("dev", "prd"),
        environments=environments,
    )
    auths = app_of(made)["auths"]
    assert isinstance(auths, list)
    assert isinstance(auths[0], dict)
    assert auths[0]["token_url"] == "https://id.example/token"
    assert auths[0]["envs"] == [{"slug": "prd", "token_url": "https://prd.example/token"}]


def test_what_asks_a_person_is_that_persons_token() -> None:
    auth = an_oauth2(grant_type="authorization_code", authUrl="https://id.example/auth")
    made = imported(a_collection(a_request(), auth=auth), "postman")
    assert app_of(made)["auths"] == [
        {"tag": "oauth2", "type": "bearer", "token": "$Secret{a_oauth2_accessToken}"}
    ]
    assert only_action(made)["auth"] == "oauth2"
    told = "`authorization_code` asks a person: get a token and store it as its secret"
    assert [one["reason"] for one in made["left_out"]] == [told]


def test_what_is_disabled_is_told() -> None:
    url: JsonObject = {
        "host": "https://a.example",
        "path": [":id"],
        "variable": [{"key": "id", "value": "5", "disabled": True}],
    }
    body: JsonObject = {**raw("{}"), "disabled": True}
    made = imported(a_collection(a_request(method="POST", url=url, body=body)), "postman")
    assert "body" not in only_action(made)
    assert [(one["part"], one["reason"]) for one in made["left_out"]] == [
        ("body", "it is disabled"),
        ("parameter `id` in path", "it is disabled"),
    ]


def test_a_request_of_many_parts_takes_no_longer_than_its_length() -> None:
    pairs: list[JsonValue] = [{"key": "a", "value": "1"} for _ in range(50_000)]
    path: list[JsonValue] = ["{{v}}", *["x"] * 50_000]
    url: JsonObject = {"host": "https://a.example", "path": path, "query": pairs}
    header: JsonValue = [{"key": "X-A", "value": "1"} for _ in range(10_000)]
    body: JsonValue = {"mode": "urlencoded", "urlencoded": pairs}
    given: JsonValue = [{"key": "v", "value": "1"}]
    began = time.process_time()
    item = a_request(method="POST", url=url, header=header, body=body)
    action = only_action(imported(a_collection(item, variable=given), "postman"))
    assert time.process_time() - began < 20
    assert action["query"] == {"a": ["1"] * 50_000}


def test_what_has_no_value_is_named() -> None:
    made = imported(
        a_collection(
            a_request(method="POST", body=raw('{"a": {"b": "{{x}} {{y}}"}, "c": "{{v}} {{z}}"}')),
            variable=[{"key": "v", "value": "1"}],
        ),
        "postman",
    )
    assert [(one["part"], one["reason"]) for one in made["left_out"]] == [
        ("body field `a`", "`{{x}}`, `{{y}}` has no value: give it whole, or use `--var`"),
        ("body field `c`", "`{{z}}` has no value: give it whole, or use `--var`"),
    ]
    assert "variables" not in app_of(made)


def test_a_credential_beside_a_variable_is_a_secret() -> None:
    header: JsonValue = [{"key": "X-Both", "value": "{{v}} sk_live_4eC39HqLyjWDarjtT1 $5"}]
    given: JsonValue = [{"key": "v", "value": "1"}]
    made = imported(a_collection(a_request(header=header), variable=given), "postman")
    assert only_action(made)["headers"] == {"X-Both": "$Variable{a}{v} $Secret{a_X_Both} $$5"}


def test_a_request_without_a_url_is_told() -> None:
    made = imported(
        a_collection(a_request(), {"name": "y", "request": {"method": "GET"}}),
        "postman",
        server="https://s.example",
    )
    assert [one["reason"] for one in made["skipped"]] == ["it has no URL"]


def test_an_empty_variable_in_an_address_is_empty() -> None:
    given: JsonValue = [
        {"key": "url", "value": "https://a.example"},
        {"key": "site", "value": ""},
        {"key": "host", "value": ""},
    ]
    items = [a_request(url=url) for url in ("{{url}}{{site}}/x", "https://{{host}}/x", "{{host}}")]
    made = imported(a_collection(*items, variable=given), "postman")
    assert app_of(made)["envs"] == [{"slug": "dev", "base_url": "https://a.example"}]
    assert ["has no value" in one["reason"] for one in made["skipped"]] == [True, True]


@pytest.mark.parametrize("value", ["/api", "http:///api", "https://a.example:x", "http://[", "a b"])
def test_an_address_without_a_host_is_told_and_the_others_are_imported(value: str) -> None:
    items = [a_request(), a_request(url="{{base}}/x")]
    variables: JsonValue = [{"key": "base", "value": value}]
    made = imported(a_collection(*items, variable=variables), "postman")
    assert [one["reason"] for one in made["skipped"]] == [
        "its address is no http or https URL with a host"
    ]
    assert made["actions"] == 1


def test_an_addresss_own_path_is_percent_encoded() -> None:
    variables: JsonValue = [{"key": "base", "value": "https://a.example/a b"}]
    made = imported(a_collection(a_request(url="{{base}}/x"), variable=variables), "postman")
    assert app_of(made)["envs"] == [{"slug": "dev", "base_url": "https://a.example/a%20b"}]


def test_a_body_of_no_kind_is_none_and_a_query_in_a_variable_is_told() -> None:
    item = a_request(method="POST", url="https://a.example/x?{{query}}&b=1", body={"mode": "none"})
    made = imported(a_collection(item), "postman")
    assert only_action(made)["query"] == {"b": "1"}
    assert [one["part"] for one in made["left_out"]] == ["parameter `{{query}}` in query"]


def test_what_is_a_credential_in_one_request_is_one_in_all() -> None:
    header: JsonValue = [{"key": "X-Api-Key", "value": "{{a}}"}]
    token: JsonValue = {"type": "bearer", "bearer": [{"key": "token", "value": "{{b}}"}]}
    items = [
        a_request(method="POST", body=raw('{"note": "{{a}}", "other": "{{b}}"}')),
        a_request(header=header),
        a_request(auth=token),
    ]
    given: JsonValue = [{"key": "a", "value": "hunter2"}, {"key": "b", "value": "hunter3"}]
    made = imported(a_collection(*items, variable=given), "postman")
    assert actions(made)["x"]["body"] == {"note": "$Secret{a_a}", "other": "$Secret{a_b}"}
    assert "hunter" not in str(made)


def test_a_basic_auth_without_a_password_needs_no_secret_for_it() -> None:
    parts = [{"key": "username", "value": "k3y"}, {"key": "password", "value": ""}]
    basic: JsonObject = {"type": "basic", "basic": parts}
    made = imported(a_collection(a_request(auth=basic)), "postman")
    assert app_of(made)["auths"][0]["password"] == ""
    assert [one["used_for"] for one in made["secrets"]] == ["username of the auth `basic`"]


@pytest.mark.parametrize(
    "body",
    [
        raw('{"a": {{a}}}'),
        raw('["{{a}}"]'),
        raw("{{a}}"),
        {"mode": "file", "file": {"src": None}},
    ],
)
def test_a_body_of_which_nothing_is_known_is_required(body: JsonObject) -> None:
    assert action_of(method="POST", body=body)["body_required"] is True


def test_what_is_new_in_each_request_is_each_runs_own() -> None:
    made = imported(
        a_collection(
            a_request(
                method="POST",
                url="https://a.example/x/{{$guid}}?key={{$randomUUID}}&n={{$randomInt}}",
                header=[{"key": "X-Request-Id", "value": "{{$guid}}"}],
                body=raw('{"nonce": "{{$guid}}", "name": "{{$randomFirstName}}", "a": 1}'),
            )
        ),
        "postman",
    )
    action = only_action(made)
    places = ["params:guid", "query:key", "headers:X-Request-Id", "body:nonce"]
    assert action["unique"] == places
    assert "request" not in action
    assert (action["params"], action["query"]) == ({"guid": "{unique}"}, {"n": "500"})
    assert (action["body"], action.get("headers")) == ({"name": "Ada", "a": 1}, None)


@pytest.mark.parametrize("mode", ["urlencoded", "formdata"])
def test_a_body_of_which_all_is_new_asks_for_nothing(mode: str) -> None:
    body: JsonObject = {"mode": mode, mode: [{"key": "nonce", "value": "{{$guid}}"}]}
    for given in (body, raw('{"nonce": "{{$guid}}"}')):
        action = action_of(method="POST", body=given)
        assert action["unique"] == ["body:nonce"]
        assert "body_required" not in action
        assert "request" not in action


def test_a_path_in_a_path_is_told() -> None:
    variable: JsonValue = [{"key": "file", "value": "a/b"}, {"key": "id", "value": "a%2Fb"}]
    url: JsonObject = {"host": "https://a.example", "path": [":file", ":id"], "variable": variable}
    made = imported(a_collection(a_request(url=url)), "postman")
    assert only_action(made)["params"] == {"file": "a/b", "id": "a/b"}
    assert [one["part"] for one in made["left_out"]] == ["parameter `file` in path"]


@pytest.mark.parametrize("user", [{}, {"user": "", "password": ""}, {"user": None}])
def test_nobody_in_a_url_is_no_auth(user: JsonObject) -> None:
    made = imported(
        a_collection(a_request(url={"host": "https://a.example", "path": ["x"], "auth": user})),
        "postman",
    )
    assert "auth" not in only_action(made)
    assert made["secrets"] == []
