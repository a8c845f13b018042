"""Parameters and bodies as the rules and the form of an action's request."""

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from tests.unit.importers.builders import actions as actions_of
from tests.unit.importers.builders import (
    an_openapi,
    an_operation,
    imported,
    imported_file,
    only_action,
    rules,
)


def a_parameter(**parts: JsonValue) -> JsonObject:
    return an_operation(parameters=[{"name": "q", "in": "query", **parts}])


BYTES: JsonObject = {"type": "string", "format": "binary"}


def a_body(schema: JsonValue, media: str = "application/json", **parts: JsonValue) -> JsonObject:
    body: JsonObject = {"required": True, "content": {media: {"schema": schema}}, **parts}
    return an_openapi({"/x": {"post": {"operationId": "x", "requestBody": body}}})


@pytest.mark.parametrize(
    ("schema", "rule"),
    [
        ({"type": "string"}, {"type": "STRING"}),
        ({"type": "string", "format": "uuid"}, {"type": "UUID"}),
        ({"type": "string", "format": "date-time"}, {"type": "DATE_STRING"}),
        (
            {"type": "string", "minLength": 2, "maxLength": 9},
            {"type": "STRING", "minlength": 2, "maxlength": 9},
        ),
        ({"type": "integer", "minLength": 2}, {"type": "INTEGER"}),
        ({"type": "number", "format": "double"}, {"type": "DOUBLE"}),
        (
            {"type": "array", "items": {"type": "boolean"}, "maxItems": 3},
            {"type": "BOOLEAN_ARRAY", "maxlength": 3},
        ),
        ({"type": "array", "items": {"type": "array"}}, {"type": "ARRAY"}),
        ({"type": "array", "items": {"type": ["string", "null"]}}, {"type": "ARRAY"}),
        ({"enum": ["a", "b"]}, {"type": "STRING"}),
        ({"const": 3}, {"type": "INTEGER"}),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, {"type": "FLOAT"}),
        ({"allOf": [{"type": "string"}, {"maxLength": 5}]}, {"type": "STRING"}),
        ({"type": "string", "minLength": 99999999999999}, {"type": "STRING"}),
        ({"type": "string", "maxLength": True}, {"type": "STRING"}),
        ({"type": "string", "minLength": 5, "maxLength": 3}, {"type": "STRING"}),
    ],
)
def test_a_schema_becomes_a_rule(schema: JsonValue, rule: JsonObject) -> None:
    made = imported(a_parameter(schema=schema))
    assert rules(made, "query") == {"q": {**rule, "required": False}}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        True,
        {"type": ["string", "integer"]},
        {"oneOf": [{"type": "string"}, {}]},
        {"type": "file"},
    ],
)
def test_what_may_be_several_things_has_no_rule(schema: JsonValue) -> None:
    assert rules(imported(a_parameter(schema=schema)), "query") is None


@pytest.mark.parametrize(
    ("schema", "version"),
    [
        ({"type": ["string", "null"]}, "3.1.0"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "3.1.0"),
        ({"type": "string", "nullable": True}, "3.0.3"),
        ({"type": "string", "enum": ["a", None]}, "3.0.3"),
        ({"nullable": True, "allOf": [{"type": "string"}]}, "3.0.3"),
    ],
)
def test_what_may_be_null_is_not_required(schema: JsonValue, version: str) -> None:
    document = a_body({"type": "object", "required": ["a"], "properties": {"a": schema}})
    made = imported({**document, "openapi": version})
    assert rules(made, "body") == {"a": {"type": "STRING", "required": False}}


def test_what_stands_beside_a_reference_counts_from_31_on() -> None:
    schema: JsonObject = {"$ref": "#/components/schemas/T", "maxLength": 3, "type": "string"}
    for version, rule in (
        ("3.0.3", {"type": "STRING", "required": False}),
        ("3.1.0", {"type": "STRING", "required": False, "maxlength": 3}),
    ):
        document = a_parameter(schema=schema)
        document |= {"openapi": version, "components": {"schemas": {"T": {"type": "string"}}}}
        assert rules(imported(document), "query") == {"q": rule}


def test_a_field_of_several_choices_is_required_only_in_all_of_them() -> None:
    one = {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string"}}}
    two = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"type": "string"}, "c": {"type": "integer"}},
    }
    made = imported(a_body({"oneOf": [one, two]}))
    assert rules(made, "body") == {
        "a": {"type": "STRING"},
        "c": {"type": "INTEGER", "required": False},
    }


def test_a_body_that_may_be_no_object_has_no_rules() -> None:
    schema = {
        "oneOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"type": "array"}]
    }
    assert rules(imported(a_body(schema)), "body") is None


def test_nothing_of_an_optional_body_is_required() -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
    made = imported(a_body(schema, required=False))
    assert rules(made, "body") == {"a": {"type": "STRING", "required": False}}


def test_schemas_that_contain_themselves_come_to_an_end() -> None:
    document = a_body({"$ref": "#/components/schemas/A"})
    schemas: JsonObject = {
        "A": {
            "allOf": [{"$ref": "#/components/schemas/B"}],
            "properties": {"a": {"$ref": "#/components/schemas/A"}},
        },
        "B": {"anyOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]},
        "C": {"$ref": "#/components/schemas/C"},
    }
    made = imported({**document, "components": {"schemas": schemas}})
    assert made["actions"] == 1


def test_schemas_that_double_at_each_level_take_no_time() -> None:
    schemas: JsonObject = {
        f"S{at}": {"allOf": [{"$ref": f"#/components/schemas/S{at + 1}"}] * 2} for at in range(60)
    }
    schemas["S60"] = {"type": "object", "properties": {"a": {"type": "string"}}}
    document = a_body({"$ref": "#/components/schemas/S20"})
    assert imported({**document, "components": {"schemas": schemas}})["actions"] == 1


async def test_an_operations_parameter_wins_over_its_paths() -> None:
    made = await imported_file("everything.yaml")
    request = actions_of(made)["users-get"]["request"]
    assert isinstance(request, dict)
    assert request["query"] == {
        "verbose": {"type": "STRING", "required": False},
        "page": {"type": "INTEGER", "required": False},
    }
    assert request["params"] == {"id": {"type": "UUID"}}


async def test_styles_are_kept() -> None:
    made = await imported_file("everything.yaml")
    assert actions_of(made)["get-compare-base...head"]["styles"] == {
        "query:ids": "comma",
        "query:tags": "pipe",
        "query:filter": "brackets",
        "query:where": "json",
        "query:any": "spread",
        "params:head": "comma",
    }


@pytest.mark.parametrize(
    ("media", "content_type", "header"),
    [
        ("application/json; charset=utf-8", None, "application/json; charset=utf-8"),
        ("application/json;v=2", None, "application/json;v=2"),
        ("Application/JSON", None, None),
        ("application/json; charset=utf-16", None, None),
        ("text/csv;header=absent;charset=latin1", "text", "text/csv;header=absent"),
        ("*/*", None, None),
        ("application/vnd.api+json", None, "application/vnd.api+json"),
        ("application/x-www-form-urlencoded", "form", None),
        ("text/csv", "text", "text/csv"),
        ("application/xml", "text", "application/xml"),
        ("application/x-ndjson", "text", "application/x-ndjson"),
    ],
)
def test_a_body_is_sent_as_its_media_type(
    media: str, content_type: str | None, header: str | None
) -> None:
    action = only_action(imported(a_body({"type": "object"}, media)))
    assert action.get("content_type") == content_type
    assert action.get("headers") == (None if header is None else {"Content-Type": header})


@pytest.mark.parametrize(
    ("media", "content_type"),
    [("multipart/form-data", "multipart"), ("application/x-www-form-urlencoded", "form")],
)
@pytest.mark.parametrize("schema", [BYTES, {"type": "array", "items": BYTES}, {"type": "string"}])
def test_a_form_whose_fields_have_no_names_is_imported_and_told(
    media: str, content_type: str, schema: JsonObject
) -> None:
    made = imported(a_body(schema, media))
    action = only_action(made)
    assert (action["content_type"], action["body_required"]) == (content_type, True)
    assert ["does not name its fields" in one["reason"] for one in made["left_out"]] == [True]


def test_a_file_comes_before_a_form_whose_fields_have_no_names() -> None:
    content: JsonObject = {
        media: {"schema": BYTES} for media in ("multipart/form-data", "application/octet-stream")
    }
    body: JsonObject = {"content": content}
    made = imported(an_openapi({"/x": {"post": {"operationId": "x", "requestBody": body}}}))
    assert only_action(made)["content_type"] == "file"


def test_what_a_path_has_in_its_own_query_follows_no_rule() -> None:
    schema: JsonObject = {"type": "array", "items": {"type": "string"}}
    given: JsonValue = [{"name": "view", "in": "query", "required": True, "schema": schema}]
    made = imported(an_openapi({"/x?view=info": {"get": {"parameters": given}}}))
    assert only_action(made)["query"] == {"view": "info"}
    assert rules(made, "query") is None


def test_a_name_in_a_paths_query_that_the_caller_would_choose_is_told() -> None:
    made = imported(an_openapi({"/x?{field}=1&n=2": {"get": {}}}))
    assert only_action(made)["query"] == {"n": "2"}
    assert [one["part"] for one in made["left_out"]] == ["parameter `{field}` in query"]


def test_values_that_a_schema_lists_beside_its_type_are_taken() -> None:
    schema: JsonObject = {"type": "boolean", "enum": ["0", "1", True, False]}
    assert rules(imported(a_parameter(schema=schema)), "query") is None
    numbers: JsonObject = {"type": "number", "enum": [1, 2.5]}
    assert rules(imported(a_parameter(schema=numbers)), "query") == {
        "q": {"type": "FLOAT", "required": False}
    }


def test_a_header_that_openapi_leaves_to_others_is_told_with_what_sends_it() -> None:
    names = ("Accept", "Authorization", "Content-Type")
    headers: list[JsonValue] = [
        {"name": name, "in": "header", "schema": {"type": "string"}} for name in names
    ]
    told = imported(an_operation(parameters=headers))["left_out"]
    assert [one["reason"].partition("to the ")[2] for one in told] == [
        "answers: the input may give it",
        "auth: `--auth` names one",
        "body",
    ]


def test_an_operation_id_without_quotes_is_one() -> None:
    assert only_action(imported(an_openapi({"/x": {"get": {"operationId": 47}}})))["tag"] == "47"


def test_a_body_in_another_charset_is_told() -> None:
    made = imported(a_body({"type": "string"}, "text/csv; charset=latin1"))
    assert [one["reason"] for one in made["left_out"]] == ["it is sent in UTF-8, not in latin1"]


def test_a_media_type_that_no_header_has_is_told_and_the_rest_is_imported() -> None:
    document = a_body({"type": "object"}, "application/x\x00+json")
    document["paths"]["/y"] = {"get": {"operationId": "y"}}  # pyright: ignore[reportIndexIssue,reportArgumentType,reportOptionalSubscript,reportCallIssue]
    made = imported(document)
    assert [one["place"] for one in made["skipped"]] == ["#/paths/~1x/post"]
    assert [*actions_of(made)] == ["y"]


@pytest.mark.parametrize(
    ("media", "schema", "header"),
    [
        ("image/png", {}, "image/png"),
        ("message/rfc822", {}, "message/rfc822"),
        ("application/octet-stream", BYTES, "application/octet-stream"),
        ("application/json", BYTES, "application/json"),
        ("image/*", BYTES, None),
        ("*/*", BYTES, None),
    ],
)
def test_a_body_that_is_a_file_is_given_as_one(
    media: str, schema: JsonValue, header: str | None
) -> None:
    action = only_action(imported(a_body(schema, media)))
    assert action["content_type"] == "file"
    assert action.get("headers") == (None if header is None else {"Content-Type": header})


@pytest.mark.parametrize(
    ("media", "schema"),
    [
        ("multipart/mixed", {"type": "string"}),
        ("multipart/related", {"type": "array", "items": {}}),
        ("json", {}),
    ],
)
def test_other_bodies_are_skipped(media: str, schema: JsonValue) -> None:
    made = imported(a_body(schema, media))
    assert made["actions"] == 0
    assert media in made["skipped"][0]["reason"]


async def test_a_body_of_parts_asks_for_fields_and_files() -> None:
    made = await imported_file("everything.yaml")
    action = actions_of(made)["upload"]
    assert (action["content_type"], action["styles"]) == ("multipart", {"body:labels": "json"})
    assert action["request"] == {
        "body": {
            "file": {"type": "OBJECT"},
            "more": {"type": "OBJECT_ARRAY", "required": False, "maxlength": 3},
            "title": {"type": "STRING", "maxlength": 20},
            "tags": {"type": "STRING_ARRAY", "required": False},
            "labels": {"type": "OBJECT_ARRAY", "required": False},
            "meta": {"type": "OBJECT", "required": False},
        }
    }
    left = {one["part"]: one["reason"] for one in made["left_out"] if "upload" in one["place"]}
    assert left == {
        "body field `file`": "the headers of its part are not sent",
    }
    assert action["part_types"] == {"title": "text/markdown"}


@pytest.mark.parametrize(
    ("schema", "rule"),
    [
        ({"type": "string", "format": "binary", "maxLength": 9}, {"type": "OBJECT"}),
        ({"format": "binary"}, {"type": "OBJECT"}),
        ({"contentMediaType": "image/png"}, {"type": "OBJECT"}),
        ({"allOf": [{"type": "string"}, {"format": "binary"}]}, {"type": "OBJECT"}),
        (
            {"type": "string", "contentMediaType": "image/png", "contentEncoding": "base64"},
            {"type": "STRING"},
        ),
        ({"type": "string", "format": "byte"}, {"type": "STRING"}),
        ({"type": "array", "items": {"format": "binary"}}, {"type": "OBJECT_ARRAY"}),
        ({"type": "integer"}, {"type": "INTEGER"}),
        ({"oneOf": [{"format": "binary"}, {"type": "string", "format": "uri"}]}, None),
        ({"anyOf": [{"format": "binary"}, {"type": "array", "items": {}}]}, None),
    ],
)
def test_a_part_that_may_be_a_file_is_not_asked_to_be_a_text(
    schema: JsonValue, rule: JsonObject | None
) -> None:
    whole = {"type": "object", "required": ["f"], "properties": {"f": schema}}
    made = imported(a_body(whole, "multipart/form-data"))
    assert rules(made, "body") == (None if rule is None else {"f": rule})


PARTS: JsonObject = {
    "type": "object",
    "properties": {
        "meta": {"type": "object"},
        "rows": {"type": "array", "items": {"type": "object"}},
        "text": {"type": "string"},
        "sdp": {"type": "string"},
        "media": {"type": "string", "format": "binary"},
        "any": {"type": "string", "format": "binary"},
        "xml": {"type": "object"},
    },
}
ENCODING: JsonObject = {
    "meta": {"contentType": "application/ld+json"},
    "rows": {"contentType": "application/vnd.rows+json; v=1"},
    "text": {"contentType": "text/plain"},
    "sdp": {"contentType": "application/sdp, text/plain"},
    "media": {"contentType": "image/png"},
    "any": {"contentType": "image/png, image/*"},
    "xml": {"contentType": "application/xml"},
}


@pytest.mark.parametrize("media", ["multipart/form-data", "multipart/mixed", "multipart/related"])
def test_every_part_says_what_the_document_says_that_it_is(media: str) -> None:
    body: JsonObject = {"content": {media: {"schema": PARTS, "encoding": ENCODING}}}
    made = imported(an_openapi({"/x": {"post": {"requestBody": body}}}))
    action = only_action(made)
    form = media == "multipart/form-data"
    assert action["content_type"] == "multipart"
    assert action.get("headers") == (None if form else {"Content-Type": media})
    assert action["styles"] == {"body:rows": "json"}
    assert action["part_types"] == {
        "meta": "application/ld+json",
        "rows": "application/vnd.rows+json; v=1",
        "sdp": "application/sdp",
        "media": "image/png",
    }
    assert [(one["part"], one["reason"]) for one in made["left_out"]] == [
        ("body field `xml`", "its part is JSON and does not say that it is application/xml")
    ]


def test_a_form_of_parts_is_preferred_to_other_parts() -> None:
    content: JsonObject = {
        media: {"schema": PARTS} for media in ("multipart/related", "multipart/form-data")
    }
    made = imported(an_openapi({"/x": {"post": {"requestBody": {"content": content}}}}))
    assert only_action(made).get("headers") is None


@pytest.mark.parametrize(
    ("encoding", "style"),
    [
        ({"style": "form", "explode": True}, "spread"),
        ({"style": "form"}, "spread"),
        ({"explode": True}, "spread"),
        ({"explode": False}, "comma"),
        ({"style": "pipeDelimited", "explode": False}, "pipe"),
        ({"style": "deepObject"}, "brackets"),
        ({}, None),
    ],
)
def test_an_object_of_a_form_is_written_as_its_encoding_says(
    encoding: JsonObject, style: str | None
) -> None:
    schema: JsonObject = {"type": "object", "properties": {"o": {"type": "object"}}}
    form: JsonObject = {"schema": schema, "encoding": {"o": encoding}}
    body: JsonObject = {"content": {"application/x-www-form-urlencoded": form}}
    action = only_action(imported(an_openapi({"/x": {"post": {"requestBody": body}}})))
    assert action.get("styles") == (None if style is None else {"body:o": style})


def test_forms_are_preferred_to_parts_parts_to_text_and_text_to_a_file() -> None:
    order = ["image/png", "text/xml", "multipart/form-data", "application/x-www-form-urlencoded"]
    content: JsonObject = {media: {"schema": {"type": "object"}} for media in order}
    for taken in ("form", "multipart", "text", "file"):
        body: JsonObject = {"content": {**content}}
        made = imported(an_openapi({"/x": {"post": {"requestBody": body}}}))
        assert only_action(made)["content_type"] == taken
        del content[order.pop()]


async def test_a_merge_patch_is_preferred() -> None:
    made = await imported_file("cluster.json", server="https://cluster.example")
    assert actions_of(made)["patchPod"]["headers"] == {
        "Content-Type": "application/merge-patch+json"
    }
    assert made["left_out"][0]["part"] == "body"


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/a/{x}.json", "/a/:x.json"),
        ("/{x}_{y}", "/:{x}_:{y}"),
        ("users", "/users"),
        ("/a b/ä", "/a%20b/%C3%A4"),
        ("/:batch", "/%3Abatch"),
        ("/v1/{name}:run", "/v1/:name:run"),
        ("/$metadata", "/$$metadata"),
        ("/f(id='{x}')", "/f(id=':{x}')"),
        ("/{a", "/%7Ba"),
        ("/x#fragment", "/x"),
    ],
)
def test_a_path_becomes_a_resource(path: str, resource: str) -> None:
    assert only_action(imported(an_openapi({path: {"get": {}}})))["resource"] == resource


@pytest.mark.parametrize(
    ("schema", "media", "asked"),
    [
        ({"type": "array"}, "application/json", True),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, "application/json", True),
        ({}, "application/json", True),
        ({}, "text/plain", True),
        ({}, "image/png", True),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            "application/json",
            None,  # by the rule of its field
        ),
    ],
)
def test_a_body_that_is_required_is_asked_for(schema: JsonValue, media: str, asked: object) -> None:
    action = only_action(imported(a_body(schema, media)))
    assert action.get("body_required") is asked
    assert "body_required" not in only_action(imported(a_body(schema, media, required=False)))
