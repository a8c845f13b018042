"""SPEC 9, row `action`: nested and flat input, path parameters, request schema."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.inputs import check_input
from ductape.domain.inputs.action import read_action_input
from ductape.domain.inputs.parts import PARTS
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.errors import ValidationError

SCHEMA: JsonObject = {
    "params": {"id": {"type": "INTEGER"}},
    "query": {"limit": {"type": "INTEGER", "required": False}},
    "headers": {"X-Tenant": {"type": "STRING"}},
    "body": {
        "email": {"type": "EMAIL_STRING"},
        "name": {"type": "STRING", "required": False, "maxlength": 5},
    },
}


def an_action(**changes: object) -> Target:
    definition = {"base_url": "https://a.example", "resource": "/users/:id", "request": SCHEMA}
    return Target(
        kind=JobEventTypes.ACTION,
        event="create_user",
        definition={**definition, **changes},
        digest=b"",
    )


def paths(target: Target, given: JsonObject, *, resolved: bool = True) -> list[str]:
    return [one["path"] for one in check_input(target, given, resolved=resolved)]


def test_nested_and_flat_input_read_alike() -> None:
    nested = {"query": {"limit": 1}, "params": {"id": 2}, "body": {"a": 3}, "headers": {"X": "4"}}
    flat = {"query:limit": 1, "params:id": 2, "body:a": 3, "headers:X": "4"}
    assert read_action_input(flat) == read_action_input(nested)


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(PARTS), st.text(min_size=1)),
        st.tuples(st.integers(), st.booleans()),
        max_size=8,
    )
)
def test_any_mixture_of_both_forms_reads_alike(
    values: dict[tuple[str, str], tuple[int, bool]],
) -> None:
    mixed: JsonObject = {}
    nested: JsonObject = {}
    for (part, name), (value, flat) in values.items():
        nested = with_member(nested, part, name, value)
        if flat:
            mixed[f"{part}:{name}"] = value
        else:
            mixed = with_member(mixed, part, name, value)
    assert read_action_input(mixed) == read_action_input(nested)


def with_member(parts: JsonObject, part: str, name: str, value: int) -> JsonObject:
    inner = parts.get(part)
    members = inner if isinstance(inner, dict) else {}
    return {**parts, part: {**members, name: value}}


def test_a_value_given_twice_is_refused_at_the_flat_key() -> None:
    with pytest.raises(ValidationError) as raised:
        read_action_input({"body": {"id": 1}, "body:id": 2})
    assert raised.value.path == "input.body:id"


def test_an_unknown_key_names_the_nearest_one() -> None:
    with pytest.raises(ValidationError) as raised:
        read_action_input({"boby": {}, "qurey:limit": 1, "body:": 1})
    assert [one.get("hint") for one in raised.value.errors] == [
        "did you mean `body`?",
        "did you mean `query:limit`?",
        "did you mean `body`?",
    ]


def test_parts_of_the_wrong_shape_are_all_told() -> None:
    with pytest.raises(ValidationError) as raised:
        read_action_input({"query": [], "headers": "x", "body": "text", "body:id": 1})
    assert [one["path"] for one in raised.value.errors] == [
        "input.query",
        "input.headers",
        "input.body:id",
    ]


def test_every_fault_of_an_input_is_told_at_once() -> None:
    given: JsonObject = {
        "query:limit": "many",
        "body": {"email": "nobody", "name": "too long"},
        "headers": {"X-Note": "a\r\nb"},
        "extra": 1,
    }
    assert sorted(paths(an_action(), given)) == [
        "input.body.email",
        "input.body.name",
        "input.extra",
        "input.headers.X-Note",
        "input.headers.X-Tenant",
        "input.params.id",
        "input.query.limit",
    ]


def test_a_missing_path_parameter_is_told_even_without_a_schema() -> None:
    assert paths(an_action(request=None), {}) == ["input.params.id"]


def test_what_the_definition_gives_by_default_is_not_missing() -> None:
    target = an_action(headers={"x-tenant": "a"}, body={"email": "ada@example.org"})
    assert paths(target, {"params:id": 1}) == []


def test_references_wait_for_their_values_and_literals_do_not() -> None:
    given: JsonObject = {
        "params": {"id": "$Session{user}{id}"},
        "headers": {"X-Tenant": "$Auth{main}{tenant}"},
        "body": "$Session{user}",
    }
    assert paths(an_action(), given, resolved=False) == []
    literal: JsonObject = {
        "params:id": 1,
        "headers:X-Tenant": "a",
        "body:email": {"$literal": "nobody"},
    }
    assert paths(an_action(), literal, resolved=False) == ["input.body.email"]


def test_the_other_kinds_take_their_own_input() -> None:
    function = Target(kind=JobEventTypes.FUNCTION, event="f", definition={}, digest=b"")
    job = Target(kind=JobEventTypes.JOB, event="j", definition={}, digest=b"")
    assert paths(function, {"payload": {"a": 1}}) == []
    assert paths(function, {"paylod": 1}) == ["input.paylod"]
    assert paths(job, {"anything": [1]}) == []


def test_a_body_that_must_be_there_is_asked_for() -> None:
    for content_type in ("json", "form", "multipart", "text", "file"):
        bare = an_action(resource="/", request=None, body_required=True, content_type=content_type)
        assert paths(bare, {}) == ["input.body"]
        assert paths(bare, {"body": "$Session{body}"}, resolved=False) == []
    given = an_action(resource="/", request=None, body_required=True)
    assert paths(given, {"body": []}) == paths(given, {"body:a": 1}) == []
    own = an_action(resource="/", request=None, body_required=True, body={"a": 1})
    assert paths(own, {}) == []
