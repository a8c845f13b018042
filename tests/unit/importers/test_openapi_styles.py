"""How parameters are written: OpenAPI's styles in a path, a query, a header and a cookie."""

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from tests.unit.importers.builders import an_openapi, imported, only_action, rules

TEXTS: JsonObject = {"type": "array", "items": {"type": "string"}}
OBJECT: JsonObject = {"type": "object", "properties": {"a": {"type": "string"}}}
EITHER: JsonObject = {"oneOf": [{"type": "integer"}, OBJECT]}
TEXT: JsonObject = {"type": "string"}


def action_with(where: str, schema: JsonValue = None, **parts: JsonValue) -> JsonObject:
    """Return the action of `GET /x/{p}` or `GET /x` with one parameter `p`."""
    parameter: JsonObject = {"name": "p", "in": where, "required": where == "path", **parts}
    if schema is not None:
        parameter["schema"] = schema
    path = "/x/{p}" if where == "path" else "/x"
    made = imported(an_openapi({path: {"get": {"parameters": [parameter]}}}))
    assert made["left_out"] == []
    return only_action(made)


@pytest.mark.parametrize(
    ("schema", "how", "resource", "taken"),
    [
        (TEXTS, {}, "/x/:p", "comma"),
        (TEXTS, {"style": "simple", "explode": True}, "/x/:p", "equals"),
        (OBJECT, {"style": "simple", "explode": True}, "/x/:p", "equals"),
        (OBJECT, {"style": "label", "explode": False}, "/x/.:{p}", "comma"),
        (TEXTS, {"style": "label", "explode": True}, "/x/.:{p}", "dots"),
        (TEXTS, {"style": "matrix", "explode": False}, "/x/;p=:{p}", "comma"),
        (TEXTS, {"style": "matrix", "explode": True}, "/x/:p", "matrix"),
        (TEXT, {"style": "matrix", "explode": True}, "/x/;p=:{p}", None),
        (TEXT, {"style": "label"}, "/x/.:{p}", None),
        (TEXT, {}, "/x/:p", None),
    ],
)
def test_a_list_in_a_path_is_written_as_its_style_says(
    schema: JsonValue, how: JsonObject, resource: str, taken: str | None
) -> None:
    action = action_with("path", schema, **how)
    assert action["resource"] == resource
    assert action.get("styles") == (None if taken is None else {"params:p": taken})


@pytest.mark.parametrize(
    ("schema", "how", "taken"),
    [
        (TEXTS, {}, "comma"),
        (OBJECT, {"explode": True}, "equals"),
        (OBJECT, {"explode": False}, "comma"),
        (TEXT, {}, None),
    ],
)
def test_a_list_in_a_header_is_written_as_its_style_says(
    schema: JsonValue, how: JsonObject, taken: str | None
) -> None:
    action = action_with("header", schema, **how)
    assert action.get("styles") == (None if taken is None else {"headers:p": taken})


@pytest.mark.parametrize(
    ("schema", "how", "taken"),
    [
        (OBJECT, {"style": "form", "explode": False}, "comma"),
        (OBJECT, {}, "spread"),
        (EITHER, {}, "spread"),
        (OBJECT, {"style": "pipeDelimited", "explode": False}, "pipe"),
        (TEXTS, {"style": "spaceDelimited", "explode": True}, None),
        (OBJECT, {"style": "deepObject"}, "brackets"),
        (TEXTS, {}, None),
    ],
)
def test_an_object_in_a_query_is_written_as_its_style_says(
    schema: JsonValue, how: JsonObject, taken: str | None
) -> None:
    action = action_with("query", schema, **how)
    assert action.get("styles") == (None if taken is None else {"query:p": taken})


@pytest.mark.parametrize("where", ["path", "query", "header"])
def test_what_has_a_media_type_is_json_anywhere(where: str) -> None:
    part = {"path": "params", "query": "query", "header": "headers"}[where]
    action = action_with(where, content={"application/json": {"schema": OBJECT}})
    assert action["styles"] == {f"{part}:p": "json"}
    rule: JsonObject = (
        {"type": "OBJECT"} if where == "path" else {"type": "OBJECT", "required": False}
    )
    assert action["request"] == {part: {"p": rule}}


@pytest.mark.parametrize(
    ("schema", "how", "taken"),
    [
        (TEXT, {}, "cookie"),
        (TEXTS, {"explode": False}, "cookie"),
        (TEXTS, {}, "cookies"),
        (OBJECT, {"explode": True}, "cookies"),
    ],
)
def test_a_cookie_is_given_among_the_headers(
    schema: JsonValue, how: JsonObject, taken: str
) -> None:
    action = action_with("cookie", schema, **how)
    assert action["styles"] == {"headers:p": taken}
    rule = action["request"]
    assert isinstance(rule, dict)
    assert isinstance(rule["headers"], dict)
    named = rule["headers"]["p"]
    assert isinstance(named, dict)
    assert named["required"] is False  # It may be given in the header `Cookie` as well.


def test_a_cookie_that_is_called_as_a_header_is_told() -> None:
    parameters: list[JsonValue] = [
        {"name": "P", "in": "header", "schema": TEXT},
        {"name": "p", "in": "cookie", "schema": TEXT},
        {"name": "a;b", "in": "cookie", "schema": TEXT},
    ]
    made = imported(an_openapi({"/x": {"get": {"parameters": parameters}}}))
    assert [one["part"] for one in made["left_out"]] == [
        "parameter `p` in cookie",
        "parameter `a;b` in cookie",
    ]


def test_a_cookie_that_the_auth_sends_is_no_parameter() -> None:
    scheme: JsonObject = {"type": "apiKey", "in": "cookie", "name": "p"}
    operation: JsonObject = {
        "parameters": [{"name": "p", "in": "cookie", "schema": TEXT}],
        "security": [{"k": []}],
    }
    made = imported(
        an_openapi({"/x": {"get": operation}}, components={"securitySchemes": {"k": scheme}})
    )
    assert "styles" not in only_action(made)
    assert rules(made, "headers") is None


def test_a_name_in_a_paths_query_is_the_callers_to_give() -> None:
    declared: list[JsonValue] = [
        {"name": "query", "in": "query", "required": True, "schema": TEXT},
        {"name": "size", "in": "path", "required": True, "schema": {"type": "integer"}},
    ]
    path = "/x?query={query}&n={size}&kind=all&at={a}-{b}"
    made = imported(an_openapi({path: {"get": {"parameters": declared}}}))
    action = only_action(made)
    assert (action["resource"], action["query"]) == ("/x", {"kind": "all"})
    assert rules(made, "query") == {"query": {"type": "STRING"}, "n": {"type": "INTEGER"}}
    assert [one["part"] for one in made["left_out"]] == [
        "parameter `at` in query",
        "parameter `size` in path",
    ]


@pytest.mark.parametrize(
    ("schema", "rule"),
    [
        ({"type": "array", "enum": ["a", "b"], "items": TEXT}, None),
        ({"type": "boolean", "enum": ["true", "false"]}, None),
        ({"type": "number", "enum": [1, 2]}, {"type": "FLOAT"}),
        ({"type": "integer", "enum": [1, None], "nullable": True}, {"type": "INTEGER"}),
        ({"type": "string", "format": "date-time", "enum": ["now"]}, {"type": "STRING"}),
        ({"type": "string", "maxLength": 2, "enum": ["long", "x"]}, {"type": "STRING"}),
        (
            {"type": "string", "format": "uuid", "minLength": 64, "maxLength": 64},
            {"type": "STRING", "minlength": 64, "maxlength": 64},
        ),
        (
            {"type": "string", "format": "date-time", "maxLength": 10},
            {"type": "STRING", "maxlength": 10},
        ),
        ({"items": TEXT, "oneOf": [{"type": "array"}, {"type": "string"}]}, None),
        ({"items": TEXT, "oneOf": [{"minItems": 1}, {"maxItems": 3}]}, {"type": "STRING_ARRAY"}),
    ],
)
def test_no_rule_refuses_what_a_document_lists(schema: JsonValue, rule: JsonObject | None) -> None:
    parameter: JsonObject = {"name": "p", "in": "query", "schema": schema}
    made = imported(an_openapi({"/x": {"get": {"parameters": [parameter]}}}))
    expected = None if rule is None else {"p": {**rule, "required": False}}
    assert rules(made, "query") == expected
