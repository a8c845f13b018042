"""What is refused and what is warned of before anything is stored."""

import pytest

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references import LIVE, MOST_USES, check, literal, live_in_input
from ductape.domain.references.names import REFERENCES
from ductape.domain.request import JobEventTypes
from ductape.errors import Fault

KINDS_WITHOUT_AUTH = [kind for kind in JobEventTypes if kind is not JobEventTypes.ACTION]


def faults_of(value: JsonValue, kind: JobEventTypes = JobEventTypes.JOB) -> list[Fault]:
    return check(value, live=live_in_input(kind))[0]


def warnings_of(value: JsonValue) -> list[str]:
    return check(value, live=LIVE["input"])[1]


@pytest.mark.parametrize("kind", JobEventTypes)
def test_a_caller_may_use_sessions_variables_constants_and_operators(kind: JobEventTypes) -> None:
    value: JsonValue = {
        "a": "$Session{a}{b} $Variable{shop}{x} $Constant{shop}{y}",
        "b": ["$Now()"],
    }
    assert check(value, live=live_in_input(kind)) == ([], [])


def test_a_secret_is_refused_in_an_input_at_its_path() -> None:
    (fault,) = faults_of({"body": [{"key": "Bearer $Secret{stripe}"}]})
    assert fault["path"] == "input.body[0].key"
    assert fault["found"] == "`$Secret` at character 8"
    assert fault["expected"] == (
        "one of the references that are live here (`$Constant`, `$Session`, `$Variable`)"
    )
    assert "definitions only" in fault["hint"]


def test_a_secret_is_refused_inside_an_operator_too() -> None:
    (fault,) = faults_of({"a": "$Default($Session{x}, $Uppercase($Secret{stripe}))"})
    assert fault["found"] == "`$Secret` at character 34"


@pytest.mark.parametrize("name", ["Input", "Sequence", "Response", "Message", "Secret", "Auth"])
def test_a_reference_that_is_not_live_is_never_plain_text(name: str) -> None:
    segments = "{a}" * REFERENCES[name].least
    (fault,) = faults_of({"a": f"${name}{segments}"})
    assert fault["hint"] == REFERENCES[name].home


@pytest.mark.parametrize(
    "value",
    [
        {"headers": {"X-Key": "$Auth{main}{token}"}},
        {"headers:X-Key": "$Auth{main}{token}"},
        {"query": {"a": ["$Auth{main}{token}"]}},
        {"query:key": "$Auth{main}{token}"},
    ],
)
def test_an_action_may_use_auth_in_its_headers_and_query(value: JsonValue) -> None:
    assert faults_of(value, JobEventTypes.ACTION) == []


@pytest.mark.parametrize(
    "value",
    [
        {"body": {"headers": "$Auth{main}{token}"}},
        {"body:headers": "$Auth{main}{token}"},
        {"params:id": "$Auth{main}{token}"},
        "$Auth{main}{token}",
        ["$Auth{main}{token}"],
    ],
)
def test_an_action_may_not_use_auth_elsewhere(value: JsonValue) -> None:
    (fault,) = faults_of(value, JobEventTypes.ACTION)
    assert "headers and the query" in fault["hint"]


@pytest.mark.parametrize("kind", KINDS_WITHOUT_AUTH)
def test_no_other_kind_may_use_auth(kind: JobEventTypes) -> None:
    assert faults_of({"headers": {"a": "$Auth{main}{token}"}}, kind) != []


def test_a_definition_may_use_secrets_but_no_session() -> None:
    value: JsonValue = {"key": "$Secret{stripe}", "who": "$Session{id}"}
    faults, _ = check(value, live=LIVE["definition"], path="apps[0]")
    assert [fault["path"] for fault in faults] == ["apps[0].who"]


def test_a_selector_may_use_the_session_only() -> None:
    assert check("$Session{userId}", live=LIVE["session selector"]) == ([], [])


def test_every_live_name_is_known() -> None:
    assert frozenset().union(*LIVE.values()) <= REFERENCES.keys()


def test_a_literal_is_not_looked_at() -> None:
    assert check({"a": literal({"b": "$Secret{x} $session{"})}, live=LIVE["input"]) == ([], [])


def test_a_near_miss_is_a_warning_with_its_place() -> None:
    assert warnings_of({"a": ["id: $session{details}{id}"]}) == [
        "input.a[0]: `$session{` at character 5 is plain text; did you mean `$Session{tag}{key}`?"
    ]


def test_a_literal_beside_other_keys_is_a_warning() -> None:
    (warning,) = warnings_of({"a": {"$literal": "$Now()", "b": 1}})
    assert warning.startswith("input.a.$literal: ")


def test_malformed_texts_are_told_all_at_once() -> None:
    faults = faults_of({"a": "$Session{", "b": "$Trim()", "c": "$Session{ok}", "d": "$Now(1)"})
    assert [fault["path"] for fault in faults] == ["input.a", "input.b", "input.d"]


def test_a_request_has_at_most_so_many_references() -> None:
    assert faults_of({"a": ["$Session{x}"] * MOST_USES}) == []
    (fault,) = faults_of({"a": ["$Session{x}"] * (MOST_USES + 1)})
    assert fault["path"] == "input"
    assert fault["expected"] == f"at most {MOST_USES} references and operators"


def test_a_value_too_deep_is_a_fault() -> None:
    value: JsonValue = "x"
    for _ in range(65):
        value = [value]
    (fault,) = faults_of(value)
    assert fault["expected"] == "at most 64 levels of nesting"


def test_a_hostile_input_gets_a_bounded_answer() -> None:
    faults, warnings = check(
        {"a": ["$Trim("] * 100_000, "b": ["$session{"] * 1_000}, live=LIVE["input"]
    )
    assert len(faults) == 50
    faults, warnings = check(["$session{"] * 100_000, live=LIVE["input"])
    assert (faults, len(warnings)) == ([], 20)
