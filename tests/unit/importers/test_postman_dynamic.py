"""Postman's own variables, which are other ones in each request: no action asks for them."""

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers import Imported
from ductape.importers.postman.dynamic import DYNAMIC
from tests.unit.importers.builders import a_collection, a_request, imported, only_action


def raw(text: str, language: str = "json") -> JsonObject:
    """Build a raw body."""
    return {"mode": "raw", "raw": text, "options": {"raw": {"language": language}}}


def one(body: JsonObject | None = None, **parts: JsonValue) -> Imported:
    """Import a collection of one request that is sent with a body."""
    variable = parts.pop("variable", [])
    request = a_request(**{"method": "POST", "body": body, **parts})
    return imported(a_collection(request, variable=variable), "postman")


def test_a_uuid_stands_inside_of_longer_texts() -> None:
    made = one(
        raw('{"units": [{"ref": "{{$guid}}", "n": 1}], "say": "order {{ $randomUUID }}"}'),
        url="https://a.example/x?key=k-{{$guid}}",
        header=[{"key": "X-Trace", "value": "00-{{$guid}}-01"}],
    )
    action = only_action(made)
    assert action["body"] == {"units": [{"ref": "{unique}", "n": 1}], "say": "order {unique}"}
    assert action["query"] == {"key": "k-{unique}"}
    assert action["headers"] == {"X-Trace": "00-{unique}-01"}
    places = ["query:key", "headers:X-Trace", "body:units", "body:say"]
    assert action["unique"] == places
    assert action["request"] == {"body": {"units": {"type": "ARRAY", "required": False}}}
    assert made["left_out"] == []


def test_a_uuid_stands_in_a_path() -> None:
    made = one(url="https://a.example/x/{{$guid}}/y-{{$guid}}.json")
    action = only_action(made)
    assert action["resource"] == "/x/:guid/y-:{guid2}.json"
    assert action["params"] == {"guid": "{unique}", "guid2": "{unique}"}
    assert action["unique"] == ["params:guid", "params:guid2"]


def test_a_uuid_is_a_value_of_a_path() -> None:
    variable: JsonValue = [{"key": "id", "value": "{{$guid}}"}, {"key": "n", "value": "a{{$guid}}"}]
    url: JsonObject = {"host": "https://a.example", "path": [":id", ":n"], "variable": variable}
    action = only_action(one(url=url))
    assert (action["params"], action["unique"]) == ({"n": "a{unique}"}, ["params:id", "params:n"])


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (raw("<id>{{$guid}}</id>", "xml"), "<id>{unique}</id>"),
        (raw('["{{$guid}}", {{$randomInt}}]'), ["{unique}", 500]),
        (raw('{"id": {{$guid}}}'), '{"id": {unique}}'),
    ],
)
def test_a_uuid_stands_in_a_body_that_is_no_object(body: JsonObject, sent: JsonValue) -> None:
    action = only_action(one(body))
    assert (action["body"], action["unique"]) == (sent, ["body"])
    assert "body_required" not in action


def test_test_data_is_a_default_and_told() -> None:
    made = one(
        raw('{"n": {{$randomInt}}, "on": {{$randomBoolean}}, "who": {"a": "{{$randomFullName}}"}}'),
        url="https://a.example/x/{{$randomInt}}?city={{$randomCity}}",
        header=[{"key": "X-Mail", "value": "{{$randomEmail}}"}],
    )
    action = only_action(made)
    assert action["body"] == {"n": 500, "on": True, "who": {"a": "Ada Lovelace"}}
    assert action["query"] == {"city": "London"}
    assert (action["resource"], action["params"]) == ("/x/:randomInt", {"randomInt": "500"})
    assert action["headers"] == {"X-Mail": "{unique}@example.com"}
    assert action["unique"] == ["headers:X-Mail"]
    assert all(rule["required"] is False for rule in action["request"]["body"].values())
    told = {left["part"]: left["reason"] for left in made["left_out"]}
    assert set(told) == {
        "parameter `randomInt` in path",
        "parameter `city` in query",
        "body field `n`",
        "body field `on`",
        "body field `who`",
    }
    whose = "test data of Postman's own, `{{$randomFullName}}`"
    said = f"{whose}: each run sends the same, or what you give"
    assert told["body field `who`"] == said


def test_what_postman_does_not_know_is_asked_for() -> None:
    action = only_action(one(url="https://a.example/x?a={{$noSuch}}"))
    assert action["request"] == {"query": {"a": {"type": "STRING"}}}


def test_a_variable_that_holds_one_is_another_in_each_run() -> None:
    variable: JsonValue = [
        {"key": "id", "value": "{{$guid}}"},
        {"key": "at", "value": "at-{{$timestamp}}"},
        {"key": "deep", "value": "<{{id}}>"},
    ]
    made = one(raw('{"a": "{{id}}", "b": "{{at}}", "c": "{{deep}}"}'), variable=variable)
    action = only_action(made)
    assert action["unique"] == ["body:a", "body:c"]
    assert action["body"] == {"b": "at-$Dateformat($Now(), 'X')", "c": "<{unique}>"}
    assert "request" not in action


def test_a_credential_made_of_them_is_a_secret() -> None:
    made = one(raw('{"user": {"password": "{{$randomPassword}}"}, "api_key": "{{$guid}}"}'))
    action = only_action(made)
    assert action["body"] == {"user": {"password": "$Secret{a_password}"}}
    assert action["unique"] == ["body:api_key"]
    assert [secret["name"] for secret in made["secrets"]] == ["a_password"]


@pytest.mark.parametrize("name", sorted(DYNAMIC))
def test_none_is_asked_for(name: str) -> None:
    made = one(
        raw(f'{{"a": "{{{{{name}}}}}", "b": ["x {{{{{name}}}}}"]}}'),
        url=f"https://a.example/x?q={{{{{name}}}}}",
    )
    action = only_action(made)
    rules: JsonObject = action.get("request", {})
    assert rules == {"body": {"b": {"type": "ARRAY", "required": False}}}
    assert made["secrets"] == []
