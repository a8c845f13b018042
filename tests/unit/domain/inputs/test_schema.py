"""SPEC 9: the types that a definition may ask of a field."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.inputs import check_input
from ductape.domain.inputs.schema import (
    DATA_TYPES,
    FieldRule,
    check_fields,
    read_rules,
    rule_faults,
)
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target

FITS: list[tuple[str, JsonValue]] = [
    ("STRING", ""),
    ("NOSPACES_STRING", "a-b"),
    ("EMAIL_STRING", "ada@example.org"),
    ("EMAIL_STRING", "ada@" + "o" * 251 + ".org"),
    ("EMAIL_STRING", "ada@localhost"),
    ("NUMBER_STRING", "-12.5e3"),
    ("DATE_STRING", "2026-11-24T10:00:00Z"),
    ("DATE_STRING", "2026-11-24"),
    ("INTEGER", 0),
    ("FLOAT", 1.5),
    ("FLOAT", 1),
    ("DOUBLE", -1e9),
    ("UUID", "0191d8a0-7c4e-7d1a-9f3b-2f1f0a1b2c3d"),
    ("DATE", "2024-02-29"),
    ("ARRAY", [1, "a"]),
    ("OBJECT", {}),
    ("BOOLEAN", False),
    ("STRING_ARRAY", ["a"]),
    ("INTEGER_ARRAY", []),
    ("OBJECT_ARRAY", [{}]),
]
FAILS: list[tuple[str, JsonValue]] = [
    ("STRING", 1),
    ("NOSPACES_STRING", "a b"),
    ("EMAIL_STRING", "ada@"),
    ("EMAIL_STRING", "ada@example..org"),
    ("EMAIL_STRING", "ada@example.org."),
    ("EMAIL_STRING", "ada@" + "o" * 256),
    ("EMAIL_STRING", "a@b\nBcc: c@d"),
    ("NUMBER_STRING", "1_0"),
    ("NUMBER_STRING", "٣"),
    ("NUMBER_STRING", "12\n"),
    ("DATE_STRING", "yesterday"),
    ("INTEGER", True),
    ("INTEGER", 1.5),
    ("INTEGER", "1"),
    ("FLOAT", "1.5"),
    ("FLOAT", False),
    ("UUID", "0191d8a07c4e7d1a9f3b2f1f0a1b2c3d"),
    ("UUID", "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz"),
    ("DATE", "2023-02-29"),
    ("DATE", 20230101),
    ("ARRAY", {}),
    ("OBJECT", []),
    ("BOOLEAN", 0),
    ("STRING_ARRAY", ["a", 1]),
    ("BOOLEAN_ARRAY", "true"),
]
JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def faults_of(value: JsonValue, rule: FieldRule, *, resolved: bool = True) -> list[str]:
    faults = check_fields({"x": value}, {"x": rule}, "input.body", resolved=resolved)
    return [one["message"] for one in faults]


@pytest.mark.parametrize(("type_name", "value"), FITS)
def test_a_value_of_its_type_is_taken(type_name: str, value: JsonValue) -> None:
    assert faults_of(value, FieldRule(type_name)) == []


@pytest.mark.parametrize(("type_name", "value"), FAILS)
def test_a_value_of_another_type_is_refused(type_name: str, value: JsonValue) -> None:
    (message,) = faults_of(value, FieldRule(type_name))
    assert message.startswith(f"input.body.x: expected {type_name}, found a")


@given(st.sampled_from(sorted(DATA_TYPES)), JSON)
def test_no_value_breaks_a_check_or_is_quoted(type_name: str, value: JsonValue) -> None:
    for message in faults_of(value, FieldRule(type_name)):
        assert not (isinstance(value, str) and len(value) > 8 and value in message)


def test_a_field_that_is_missing_or_null_is_told_unless_it_need_not_be_given() -> None:
    assert faults_of(None, FieldRule("STRING")) == ["input.body.x: expected STRING, found nothing"]
    assert faults_of(None, FieldRule("STRING", required=False)) == []


PLACES: list[tuple[JobEventTypes, str, str]] = [
    (JobEventTypes.ACTION, "request", "input.query"),
    (JobEventTypes.FALLBACK, "input", "input"),
    (JobEventTypes.FEATURE, "input", "input"),
    (JobEventTypes.FUNCTION, "input", "input.payload"),
]


@pytest.mark.parametrize(("kind", "key", "path"), PLACES, ids=[one[0] for one in PLACES])
def test_every_kind_asks_for_the_fields_of_its_schema_alike(
    kind: JobEventTypes, key: str, path: str
) -> None:
    fields: JsonObject = {"a": {"type": "DATE"}, "b": {"type": "DATE", "required": False}}
    schema: JsonObject = {"query": fields} if kind is JobEventTypes.ACTION else fields
    definition: JsonObject = {"base_url": "https://a.example", "resource": "/", key: schema}
    target = Target(kind=kind, event="e", definition=definition, digest=b"")
    faults = check_input(target, {}, resolved=True)
    assert [one["path"] for one in faults] == [f"{path}.a"]


@pytest.mark.parametrize(("value", "good"), [("a", False), ("ab", True), ("abcd", False)])
def test_lengths_are_bounded(value: str, *, good: bool) -> None:
    assert (faults_of(value, FieldRule("STRING", minlength=2, maxlength=3)) == []) is good
    items: list[JsonValue] = list(value)
    assert (faults_of(items, FieldRule("ARRAY", minlength=2, maxlength=3)) == []) is good


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({"type": "STRING", "minlength": 3, "maxlength": 2}, "input.v.maxlength"),
        ({"type": "STRING", "minlength": -1}, "input.v.minlength"),
        ({"type": "ARRAY", "maxlength": -1}, "input.v.maxlength"),
        ({"type": "STRING", "minlength": 1.5}, "input.v"),
        ({"type": "STRING", "minlength": True}, "input.v"),
        ({"type": "BOOLEAN", "minlength": 1}, "input.v.minlength"),
        ({"type": "BOOLEAN", "maxlength": 9}, "input.v.maxlength"),
    ],
)
def test_lengths_that_no_value_can_have_are_refused_in_a_definition(
    rule: JsonObject, path: str
) -> None:
    assert [one["path"] for one in rule_faults(rule, "input.v")] == [path]


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "STRING", "minlength": 2, "maxlength": 2},
        {"type": "STRING", "minlength": 0, "maxlength": 0},
        {"type": "INTEGER", "minlength": 1, "maxlength": 3},
        {"type": "BOOLEAN_ARRAY", "minlength": 1},
        {"type": "UUID", "minlength": 36, "maxlength": 36},
        {"type": "BOOLEAN", "minlength": None},
    ],
)
def test_lengths_that_some_value_has_are_taken_in_a_definition(rule: JsonObject) -> None:
    assert [*rule_faults(rule, "input.v")] == []


def test_a_boolean_has_no_length_whatever_a_definition_of_old_says() -> None:
    assert faults_of(True, FieldRule("BOOLEAN", maxlength=1)) == []


def test_a_reference_is_judged_only_once_it_is_resolved() -> None:
    rule = FieldRule("INTEGER")
    assert faults_of("$Session{user}{age}", rule, resolved=False) == []
    assert faults_of("$Session{user}{age}", rule) != []
    assert faults_of(["$Now()", 1], FieldRule("INTEGER_ARRAY"), resolved=False) == []


def test_a_schema_with_an_unknown_type_or_key_is_none() -> None:
    for bad in ({"type": "TEXT"}, {"type": "STRING", "minLength": 1}, {}):
        with pytest.raises(msgspec.ValidationError):
            read_rules({"body": {"id": bad}})
