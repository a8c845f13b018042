"""SPEC 9, row `function`: the payload, checked against the schema of its definition."""

import pytest

from ductape.domain.inputs import check_input
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target

SCHEMA: JsonObject = {
    "email": {"type": "EMAIL_STRING"},
    "tags": {"type": "STRING_ARRAY", "required": False, "maxlength": 2},
}


def paths_of(
    given: JsonObject, *, resolved: bool = False, schema: JsonObject = SCHEMA, method: str = "POST"
) -> list[str]:
    definition: JsonObject = {"input": schema, "method": method}
    target = Target(kind=JobEventTypes.FUNCTION, event="f", definition=definition, digest=b"")
    return [one["path"] for one in check_input(target, given, resolved=resolved)]


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"payload": {"email": "ada@example.org", "tags": ["a"], "more": 1}}, []),
        ({"payload": {"email": "ada"}}, ["input.payload.email"]),
        ({"payload": {"email": "ada@example.org", "tags": ["a", 1]}}, ["input.payload.tags"]),
        ({"payload": {"email": "ada@example.org", "tags": ["", "", ""]}}, ["input.payload.tags"]),
        ({"payload": [1]}, ["input.payload"]),
        ({}, ["input.payload.email"]),
        ({"payload": {"email": "ada@example.org"}, "x": 1}, ["input.x"]),
        ({"payload": "$Session{all}"}, []),
        ({"payload": {"email": "$Session{email}"}}, []),
    ],
)
def test_the_payload_has_what_the_schema_asks_for(given: JsonObject, paths: list[str]) -> None:
    assert paths_of(given) == paths


def test_what_a_reference_brought_in_is_judged_once_it_is_there() -> None:
    assert paths_of({"payload": {"email": "$5"}}, resolved=True) == ["input.payload.email"]


@pytest.mark.parametrize("payload", [None, 1, "x", [1], {}])
def test_without_a_schema_any_payload_will_do(payload: object) -> None:
    assert paths_of({"payload": payload}, schema={}) == []  # pyright: ignore[reportArgumentType] (any JSON)


@pytest.mark.parametrize(
    ("payload", "paths"),
    [
        (None, []),
        ({"a": 1}, []),
        ("$Session{all}", []),
        (1, ["input.payload"]),
        ([], ["input.payload"]),
    ],
)
def test_what_goes_in_a_query_is_an_object(payload: object, paths: list[str]) -> None:
    given: JsonObject = {"payload": payload}  # pyright: ignore[reportAssignmentType] (any JSON)
    assert paths_of(given, schema={}, method="GET") == paths
