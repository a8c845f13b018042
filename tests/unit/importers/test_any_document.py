"""No document makes an importer fail with anything but a `ValidationError`."""

import json
import time
from contextlib import suppress
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ductape.app.texts import read_value
from ductape.catalog.yaml_reading import Bounds, read_yaml
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product import parse_product
from ductape.errors import ValidationError
from ductape.importers import Format, Imported, written
from tests.unit.importers.builders import (
    KEPT,
    METHODS,
    POSTMAN,
    a_collection,
    a_request,
    an_openapi,
    imported,
)

KEYS = sorted(
    {
        *METHODS, "$ref", "allOf", "anyOf", "auth", "body", "callbacks", "components", "content",
        "description", "encoding", "enum", "event", "explode", "format", "header", "headers",
        "host", "in", "info", "item", "items", "key", "listen", "maxLength", "mode", "name",
        "nullable", "oneOf", "operationId", "parameters", "path", "paths", "port", "properties",
        "protocol", "query", "raw", "request", "requestBody", "required", "schema", "scheme",
        "security", "securitySchemes", "servers", "style", "type", "url", "urlencoded", "value",
        "variable", "variables", "webhooks", "/x/{id}", "application/json", "*/*", "bearer",
    }
)  # fmt: skip
TEXTS = [
    "", "path", "query", "header", "cookie", "#/paths", "#", "#/a~1b/0", "http", "apiKey", "oauth2",
    "{{x}}", "{{}}", ":id", "{id}", "$Secret{x}", "$Input{", "\ud800", "a\nb", "//x", "http://[",
    "https://h/{p}", "deepObject", "form", "raw", "graphql", "formdata", "object", "array", "null",
    "ä" * 300, "bearer", "basic", "\x00", "https://a b", "get", "x.yaml#/a", "../..", "file:///etc",
]  # fmt: skip

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from(TEXTS)
    | st.text(max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=25,
)
quick = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def survives(document: JsonValue, kind: Format) -> Imported | None:
    """Import a document: what comes of it is a product, or what is wrong with the document."""
    with suppress(ValidationError):
        made = imported(document, kind, server="https://api.example")
        assert parse_product(made["document"])
        assert read_value(written(made["document"], ".yaml"), suffix=".yaml") == made["document"]
        for count in made["counts"].values():
            assert count["found"] == count["imported"] + count["skipped"]
        return made
    return None


@quick
@given(values)
def test_any_value_is_imported_or_refused(value: JsonValue) -> None:
    survives(value, "openapi")
    survives(value, "postman")


@quick
@given(
    st.dictionaries(st.sampled_from(KEYS), values, max_size=6),
    values,
    st.sampled_from(["3.0.0", "3.1.0"]),
)
def test_any_openapi_is_imported_or_refused(
    paths: JsonObject, parts: JsonValue, version: str
) -> None:
    extra = parts if isinstance(parts, dict) else {"components": parts}
    document = an_openapi(paths, version=version)
    survives({**extra, **document}, "openapi")
    survives({**document, **extra}, "openapi")


@quick
@given(values, values, values)
def test_any_operation_is_imported(parameters: JsonValue, body: JsonValue, rest: JsonValue) -> None:
    operation: JsonObject = {
        "parameters": parameters if isinstance(parameters, list) else [parameters],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        **(rest if isinstance(rest, dict) else {"security": rest}),
    }
    survives(an_openapi({"/x/{id}": {"post": operation}}), "openapi")


@quick
@given(values, values, values)
def test_any_collection_is_imported_or_refused(
    item: JsonValue, url: JsonValue, rest: JsonValue
) -> None:
    parts = rest if isinstance(rest, dict) else {"auth": rest}
    survives(a_collection(item, a_request(url=url), **{**parts, "x": 1}), "postman")
    survives(a_collection(a_request(**{**parts, "url": url})), "postman")


MUTATED: list[tuple[str, Format]] = [
    ("payments.json", "openapi"),
    ("cluster.json", "openapi"),
    ("telephony.json", "openapi"),
    *((name, "postman") for name in POSTMAN),
]


@pytest.mark.parametrize(("name", "kind"), MUTATED)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_kept_document_with_a_wrong_part_is_imported_or_refused(
    name: str, kind: Format, data: st.DataObject
) -> None:
    document = cast("JsonValue", json.loads((KEPT / name).read_text(encoding="utf-8")))
    places = [*_places(document)]
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(places))
        new = data.draw(values)
        cast("dict[str | int, JsonValue]", holder)[key] = new
    survives(document, kind)


def _places(value: JsonValue) -> list[tuple[JsonValue, str | int]]:
    keys = (
        value.keys()
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else ()
    )
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [*((value, key) for key in keys), *(place for one in inside for place in _places(one))]


@quick
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("utf-8", "ignore")))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValidationError):
        read_yaml(text, Bounds(anchors=True, nesting=20))


def test_a_small_text_that_unfolds_into_a_huge_one_is_quick() -> None:
    lines = ["a0: &a0 {type: object, properties: {x: {type: string}}}"]
    lines += [
        f"a{at}: &a{at} {{allOf: [*a{at - 1}, *a{at - 1}, *a{at - 1}]}}" for at in range(1, 40)
    ]
    document = read_yaml("\n".join(lines), Bounds(anchors=True, nesting=128))
    assert isinstance(document, dict)
    body: JsonObject = {"content": {"application/json": {"schema": document["a39"]}}}
    assert survives(an_openapi({"/x": {"post": {"requestBody": body}}}), "openapi") is not None


def test_a_schema_of_many_parts_and_many_servers_take_no_longer_than_their_length() -> None:
    each: list[JsonValue] = [{"properties": {f"p{at}": {}}} for at in range(40_000)]
    schema: JsonObject = {"type": "object", "allOf": each}
    paths: JsonObject = {f"/x{at}": {"get": {}} for at in range(2_000)}
    body: JsonObject = {"content": {"application/json": {"schema": schema}}}
    paths["/x"] = {"post": {"requestBody": body}}
    servers: list[JsonValue] = [{"url": f"https://h{at}.example/{{v}}"} for at in range(2_000)]
    began = time.process_time()
    made = survives(an_openapi(paths, servers=servers), "openapi")
    assert made is not None
    assert made["actions"] == 2_001
    assert time.process_time() - began < 20  # A look at each for each takes minutes.
