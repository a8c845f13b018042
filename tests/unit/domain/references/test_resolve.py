"""Values put in the place of references, and everything that is missing told at once."""

import pytest

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references import (
    Use,
    literal,
    needs_resolving,
    resolve,
    scope,
    sensitive_texts,
    session_source,
    tree_source,
    uses,
)
from ductape.domain.references.scope import Scope
from ductape.errors import ReferenceMissing, ValidationError

NOW_MS = 1_764_000_000_000

SESSION: dict[str, JsonValue] = {
    "id": 7001,
    "email": "ada@example.org",
    "admin": True,
    "nickname": None,
    "details": {"id": "nested"},
    "roles": ["owner", {"name": "clerk"}],
    "evil": "$Session{email} $$ $Now()",
}


def a_scope(tag: str = "user-session") -> Scope:
    return scope(
        {
            "Session": session_source(tag, SESSION),
            "Variable": tree_source({"shop": {"region": "eu", "url": "$Secret{key}"}}),
            "Secret": tree_source({"key": "s3cr3t-key"}),
        },
        NOW_MS,
    )


def resolved(value: JsonValue) -> JsonValue:
    return resolve(value, a_scope())


def test_the_seeds_example_takes_the_values_of_the_session() -> None:
    given: JsonValue = {"userId": "$Session{details}{id}", "email": "$Session{details}{email}"}
    assert resolve(given, a_scope("details")) == {"userId": 7001, "email": "ada@example.org"}


def test_a_first_segment_that_is_not_the_tag_belongs_to_the_path() -> None:
    assert resolved("$Session{details}{id}") == "nested"


def test_the_tag_alone_is_the_whole_session() -> None:
    assert resolved("$Session{user-session}") == SESSION


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("{id}", 7001),
        ("{admin}", True),
        ("{nickname}", None),
        ("{roles}", ["owner", {"name": "clerk"}]),
        ("{roles}{0}", "owner"),
        ("{roles}{1}{name}", "clerk"),
        ("{details}", {"id": "nested"}),
    ],
)
def test_a_reference_alone_keeps_the_type(path: str, value: JsonValue) -> None:
    result = resolved(f"$Session{path}")
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("{id}", "7001"),
        ("{admin}", "true"),
        ("{nickname}", ""),
        ("{email}", "ada@example.org"),
        ("{roles}", '["owner",{"name":"clerk"}]'),
    ],
)
def test_inside_longer_text_a_value_becomes_text(path: str, text: str) -> None:
    assert resolved(f"<$Session{path}>") == f"<{text}>"


def test_references_are_found_at_any_depth_and_keys_are_never_parsed() -> None:
    assert resolved({"$Session{id}": [{"a": ["$Session{id}"]}]}) == {
        "$Session{id}": [{"a": [7001]}]
    }


def test_what_a_reference_brings_in_is_never_parsed_again() -> None:
    assert resolved("$Session{evil}") == SESSION["evil"]
    assert resolved("x $Session{evil}") == f"x {SESSION['evil']}"
    assert resolved("$Concat([$Session{evil}], '')") == SESSION["evil"]
    assert resolved("$Variable{shop}{url}") == "$Secret{key}"


def test_a_literal_is_taken_as_it_is() -> None:
    people_wrote: JsonValue = {"note": ["$Secret{key} $$ $Trim("], "$literal": 1}
    assert resolved({"a": literal(people_wrote)}) == {"a": people_wrote}
    assert resolved(literal(literal("x"))) == literal("x")


def test_an_object_with_more_keys_is_no_literal() -> None:
    assert resolved({"$literal": "$Session{id}", "b": 1}) == {"$literal": 7001, "b": 1}


def test_a_value_without_references_is_given_back_as_it_is() -> None:
    value: JsonValue = {"a": [1, "x"], "$b": None}
    assert resolved(value) is value


def test_everything_missing_is_told_at_once() -> None:
    with pytest.raises(ReferenceMissing) as caught:
        resolved(
            {
                "userId": "$Session{lost}",
                "to": ["ok", "hi $Session{roles}{2} and $Variable{shop}{gone}"],
                "app": "$Constant{shop}{rate}",
            }
        )
    error = caught.value
    assert error.code == "REFERENCE_MISSING"
    assert [(fault["path"], fault["expected"], fault["found"]) for fault in error.errors] == [
        ("input.userId", "a value for `$Session{lost}`", "nothing at character 1"),
        ("input.to[1]", "a value for `$Session{roles}{2}`", "nothing at character 4"),
        ("input.to[1]", "a value for `$Variable{shop}{gone}`", "nothing at character 27"),
        ("input.app", "a value for `$Constant{shop}{rate}`", "no constants at character 1"),
    ]
    assert "$Default(" in (error.hint or "")


def test_a_reference_with_no_session_says_so() -> None:
    with pytest.raises(ReferenceMissing, match="no session in the request"):
        resolve({"a": "$Session{id}"}, scope({}, NOW_MS))


def test_other_faults_are_told_beside_the_missing_with_their_own_code() -> None:
    with pytest.raises(ReferenceMissing) as caught:
        resolved({"a": "$Session{lost}", "b": "$Uppercase(1)", "c": "$Session{"})
    assert [fault.get("code") for fault in caught.value.errors] == [
        None,
        "VALIDATION_ERROR",
        "VALIDATION_ERROR",
    ]


def test_a_malformed_text_is_a_fault_of_the_request() -> None:
    with pytest.raises(ValidationError) as caught:
        resolve({"a": "$Session{"}, a_scope(), path="headers")
    assert caught.value.code == "VALIDATION_ERROR"
    assert caught.value.path == "headers.a"


@pytest.mark.parametrize(
    "segment",
    ["-1", "2", "01x", "+0", " 0", "\u0660", "9" * 5000, "name"],
)
def test_a_segment_that_is_no_position_leads_nowhere_in_a_list(segment: str) -> None:
    with pytest.raises(ReferenceMissing):
        resolved(f"$Session{{roles}}{{{segment}}}")


def test_a_path_does_not_lead_into_a_text() -> None:
    with pytest.raises(ReferenceMissing):
        resolved("$Session{email}{0}")


def test_a_value_too_deep_is_a_fault_not_a_crash() -> None:
    value: JsonValue = "$Now()"
    for _ in range(5000):
        value = [value]
    assert needs_resolving(value)
    with pytest.raises(ValidationError, match="at most 64 levels of nesting"):
        resolved(value)


def test_the_deepest_value_with_the_deepest_text_is_resolved() -> None:
    value: JsonValue = "$Uppercase(" * 64 + "'x'" + ")" * 64
    expected: JsonValue = "X"
    for _ in range(64):
        value, expected = {"a": value}, {"a": expected}
    assert resolved(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", False),
        ({"$key": [1, None, True, {"a": "b"}]}, False),
        ({"a": [{"b": "$"}]}, True),
        ({"$literal": 1}, True),
        ([], False),
    ],
)
def test_only_a_dollar_in_a_text_needs_resolving(value: JsonValue, expected: bool) -> None:  # noqa: FBT001 (pytest passes it by name)
    assert needs_resolving(value) is expected


def test_uses_names_every_reference_in_document_order() -> None:
    value: JsonValue = {
        "a": "x $Session{id}",
        "b": [literal("$Secret{key}"), "$Default($Variable{shop}{region}, $Session{x})"],
    }
    assert uses(value) == (
        Use("input.a", "Session", ("id",), 2),
        Use("input.b[1]", "Variable", ("shop", "region"), 9),
        Use("input.b[1]", "Session", ("x",), 34),
    )


def test_what_sessions_and_secrets_bring_in_can_be_masked() -> None:
    value: JsonValue = {
        "key": "Bearer $Secret{key}",
        "who": ["$Session{roles}", "$Session{id}", "$Session{lost}", "$Session{admin}"],
        "where": "$Variable{shop}{region}",
        "loud": "$Uppercase($Secret{key})",
    }
    texts = sensitive_texts(value, a_scope())
    assert set(texts) == {"s3cr3t-key", "owner", "clerk", "7001", "S3CR3T-KEY"}
    assert len(texts) == 5


def test_a_scope_keeps_its_data_out_of_logs() -> None:
    assert "ada" not in repr(a_scope())
