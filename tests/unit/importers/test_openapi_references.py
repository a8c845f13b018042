"""References of schemas: by an address of their own, and those that lead nowhere."""

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers import gather
from tests.unit.importers.builders import an_openapi, imported, rules


def test_a_schema_s_reference_that_leads_nowhere_is_told() -> None:
    schema: JsonObject = {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/B"}}}
    lists: JsonObject = {"type": "array", "items": {"$ref": "other.json#/A"}}
    body: JsonObject = {"content": {"application/json": {"schema": schema}}}
    parameters: list[JsonValue] = [{"name": "ids", "in": "query", "schema": lists}]
    made = imported(an_openapi({"/x": {"post": {"requestBody": body, "parameters": parameters}}}))
    assert [(one["place"], one["part"]) for one in made["left_out"]] == [
        ("#/paths/~1x/post", "schema"),
        ("#/paths/~1x/post", "schema"),
    ]
    reasons = " ".join(one["reason"] for one in made["left_out"])
    assert "'#/components/schemas/B' leads nowhere" in reasons
    assert "'other.json#/A' leads nowhere" in reasons


PERSON = "https://schemas.example/people/person"


@pytest.mark.parametrize(
    "reference",
    [
        "age",
        "./age#",
        "/people/age",
        "https://schemas.example/people/age",
        "age#/$defs/years",
        "age#years",
        "#/$defs/own",
        "#/components/schemas/Plain",
        "urn:example:age",
    ],
)
def test_a_schema_goes_by_its_own_address(reference: str) -> None:
    number: JsonObject = {"type": "integer"}
    schemas: JsonObject = {
        "Person": {
            "$id": PERSON,
            "$defs": {"own": number},
            "type": "object",
            "properties": {"age": {"$ref": reference}},
        },
        "Age": {
            "$id": "https://schemas.example/people/age",
            "$defs": {"years": {"$anchor": "years", **number}},
            **number,
        },
        "Urn": {"$id": "urn:example:age", **number},
        "Plain": number,
    }
    schema: JsonObject = {"$ref": PERSON}
    body: JsonObject = {"content": {"application/json": {"schema": schema}}}
    document = an_openapi(
        {"/x": {"post": {"requestBody": body}}}, version="3.1.0", components={"schemas": schemas}
    )
    made = imported(document)
    assert made["left_out"] == []
    assert rules(made, "body") == {"age": {"type": "INTEGER", "required": False}}


def page_of(own: JsonObject, **others: JsonValue) -> JsonObject:
    """Build an operation that takes a page of items, whose kind a page leaves to who uses it."""
    page: JsonObject = {
        "$id": "https://schemas.example/page",
        "$defs": {"item": own},
        "type": "object",
        "required": ["first"],
        "properties": {"first": {"$dynamicRef": "#item"}, "again": {"$ref": "#item"}},
    }
    body: JsonObject = {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}},
    }
    return an_openapi(
        {"/x": {"post": {"requestBody": body}}},
        version="3.1.0",
        components={"schemas": {"Page": page, **others}},
    )


def test_a_dynamic_reference_is_followed_where_one_thing_can_be_meant() -> None:
    made = imported(page_of({"$dynamicAnchor": "item", "type": "integer"}))
    assert rules(made, "body") == {
        "first": {"type": "INTEGER"},
        "again": {"type": "INTEGER", "required": False},
    }
    assert made["left_out"] == []


def test_a_dynamic_reference_that_can_mean_several_things_is_told() -> None:
    texts: JsonObject = {
        "$id": "https://schemas.example/texts",
        "$ref": "page",
        "$defs": {"item": {"$dynamicAnchor": "item", "type": "string"}},
    }
    made = imported(page_of({"$dynamicAnchor": "item", "type": "integer"}, Texts=texts))
    assert rules(made, "body") == {"again": {"type": "INTEGER", "required": False}}
    assert "its `$dynamicRef` '#item' can mean several schemas: it is not checked" in [
        one["reason"] for one in made["left_out"]
    ]


async def test_what_a_document_has_by_an_address_is_not_fetched() -> None:
    schemas: JsonValue = [{"$id": PERSON}, {"$ref": PERSON}, {"$id": "a", "x": {"$ref": "b.json"}}]
    asked: list[str] = []

    async def read(location: str) -> JsonValue:
        asked.append(location)
        return schemas if location == "api.json" else {}

    await gather("api.json", read)
    assert asked == ["api.json", "b.json"]
