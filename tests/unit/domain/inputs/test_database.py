"""The input of a database action: whose value a name takes, what is told when (SPEC 9)."""

import pytest

from ductape.domain.definitions.database import template_in
from ductape.domain.inputs.database import check_database, feeds, value_for
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.templates.placeholders import read_placeholder


def a_definition(template: JsonValue, kind: str = "update", **parts: JsonValue) -> JsonObject:
    """Return an action's definition on SQLite."""
    whole: JsonValue = {"$literal": template}
    return {"database_type": "sqlite", "type": kind, "template": whole, **parts}


def faults(
    template: str, given: JsonObject, *, kind: str = "update", resolved: bool = True
) -> dict[str, str]:
    found = check_database(a_definition(template, kind), given, resolved=resolved)
    return {one["path"]: one["message"] for one in found}


def taken(name: str, given: JsonObject) -> JsonValue:
    (fed,) = feeds(given, "job-1:1")
    return value_for(fed)(read_placeholder(name))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 1),
        ("data.id", 1),
        ("filter.id", 2),
        ("only", 3),
        ("filter.only", 3),
        ("address.city", "Oslo"),
        ("data.address.city", "Oslo"),
        ("a.b", "flat"),
        ("filter", {"id": 2, "only": 3}),
        ("run.idempotency_key", "job-1:1"),
        ("nothing", None),
    ],
)
def test_data_wins_over_the_filter_unless_one_is_named(name: str, value: JsonValue) -> None:
    given: JsonObject = {
        "data": {"id": 1, "address": {"city": "Oslo"}, "a.b": "flat"},
        "filter": {"id": 2, "only": 3},
    }
    assert taken(name, given) == value


def test_what_is_missing_is_told_where_it_belongs() -> None:
    template = "UPDATE t SET a = {{a:STRING}} WHERE id = {{filter.id:INTEGER}}"
    assert set(faults(template, {})) == {"input.data.a", "input.filter.id"}
    read = "SELECT * FROM t WHERE id = {{id}}"
    assert set(faults(read, {}, kind="read")) == {"input.filter.id"}


def test_what_nothing_asks_for_is_refused_with_the_nearest_name() -> None:
    found = faults("SELECT {{name}}", {"filter": {"name": 1, "nmae": 2}}, kind="read")
    assert "did you mean `name`?" in found["input.filter.nmae"]
    assert set(faults("SELECT {{data}}", {"data": {"a": 1}, "filter": {"b": 1}})) == {
        "input.filter.b"
    }
    assert set(faults("SELECT {{a}}", {"data": {"a": 1}, "query": {}})) == {"input.query"}


def test_a_read_takes_no_list() -> None:
    assert set(faults("SELECT {{a}}", {"data": [{"a": 1}]}, kind="read")) == {"input.data"}


def test_what_a_reference_will_bring_is_judged_once_it_is_there() -> None:
    template = "SELECT {{a:INTEGER}}, {{b:INTEGER}}"
    assert faults(template, {"data": "$Session{details}"}, resolved=False) == {}
    given: JsonObject = {"data": {"a": "$Session{id}", "b": "x"}}
    assert set(faults(template, given, resolved=False)) == {"input.data.b"}
    assert set(faults(template, given)) == {"input.data.a", "input.data.b"}


@pytest.mark.parametrize(
    ("placeholder", "right", "wrong"),
    [
        ("STRING:2:3", ["ab", "abc"], ["a", "abcd", 1, None]),
        ("INTEGER:-5:5", [-5, 5], [-6, 6, 1.0, "1", True]),
        (f"INTEGER:{2**53 + 1}:{2**53 + 3}", [2**53 + 1, 2**53 + 3], [2**53, 2**53 + 4]),
        (f"INTEGER::{2**63 - 1}", [2**63 - 1], [2**63]),
        ("FLOAT::1.5", [1, 1.5, -9.0], [1.6]),
        ("FLOAT", [2**63, -(10**300), 0.5], [10**400, -(10**400)]),
        ("DOUBLE_ARRAY", [[2**63]], [[10**400]]),
        ("ARRAY", [[2**63 - 1, "x", None], [[2**63]]], [[2**63], [1, -(2**63) - 1]]),
        ("DATE:2026-01-01:2026-12-31", ["2026-06-30"], ["2025-12-31", "2027-01-01", "soon"]),
        ("INTEGER_ARRAY:1:2", [[1], [1, 2]], [[], [1, 2, 3], ["1"], 1]),
        ("STRING_ARRAY", [[], ["a"]], [[1], "a"]),
        ("OBJECT:1", [{"a": 1}], [{}, [1]]),
        ("BOOLEAN", [True, False, None], [1, "true"]),
        ("UUID", ["c0ffee00-0000-4000-8000-000000000001"], ["c0ffee00"]),
        ("EMAIL_STRING", ["ada@example.org"], ["ada"]),
        ("NUMBER_STRING", ["1.50"], ["1,5"]),
        ("DATE_STRING", ["2026-03-01T12:00:00Z"], ["today"]),
        ("NOSPACES_STRING", ["a"], ["a b"]),
        ("ANY", [1, "x", None, [1], {"a": 1}], [2**63, [2**63]]),
    ],
)
def test_types_and_bounds(placeholder: str, right: list[JsonValue], wrong: list[JsonValue]) -> None:
    template = f"SELECT {{{{a:{placeholder}}}}}"
    assert [one for one in right if faults(template, {"data": {"a": one}})] == []
    assert [one for one in wrong if not faults(template, {"data": {"a": one}})] == []


def test_bounds_are_told_as_they_are_written() -> None:
    told = faults(f"SELECT {{{{a:INTEGER:-1:{2**53 + 1}}}}}", {"data": {"a": 2**60}})
    assert f"at least -1 and at most {2**53 + 1}" in told["input.data.a"]
    told = faults("SELECT {{a:FLOAT:1234567.25}}", {"data": {"a": 1}})
    assert "at least 1234567.25" in told["input.data.a"]


def test_every_item_of_a_list_is_judged() -> None:
    found = faults("SELECT {{a:INTEGER}}", {"data": [{"a": 1}, {"b": 1}, {"a": "x"}, 4]})
    wrong = {"input.data[1].a", "input.data[1].b", "input.data[2].a"}
    assert set(found) == {*wrong, "input.data[3]"}
    found = faults("SELECT {{a:INTEGER}}", {"data": [{"a": 1}, {"b": 1}, {"a": "x"}]})
    assert set(found) == wrong


def test_a_part_that_is_refused_hides_nothing_of_the_other() -> None:
    template = "UPDATE t SET a = {{a:INTEGER}} WHERE id = {{filter.id:INTEGER}}"
    found = faults(template, {"data": 5, "filter": {"id": "x", "no": 1}, "where": {}})
    assert set(found) == {"input.data", "input.filter.id", "input.filter.no", "input.where"}
    found = faults(template, {"data": [], "filter": {"id": "x"}})
    assert set(found) == {"input.data", "input.filter.id"}
    assert set(faults("SELECT {{data:OBJECT}}", {"data": 5})) == {"input.data"}


def test_what_is_wrong_for_every_item_is_told_once() -> None:
    template = "UPDATE t SET a = {{a}} WHERE id = {{filter.id:INTEGER}}"
    given: JsonObject = {"data": [{"a": 1}, {"a": 2}], "filter": {"id": "x"}}
    found = check_database(a_definition(template), given, resolved=True)
    assert [one["path"] for one in found] == ["input.filter.id"]


def test_a_template_is_found_resolved_or_not() -> None:
    assert template_in(a_definition("SELECT 1")) == "SELECT 1"
    assert template_in({"template": "SELECT 1"}) == "SELECT 1"


def mongo_faults(kind: str, template: JsonValue, value: JsonValue) -> dict[str, str]:
    definition = {**a_definition(template, kind), "database_type": "mongodb"}
    found = check_database(definition, {"filter": {"a": value}}, resolved=True)
    return {one["path"]: one["expected"] for one in found}


@pytest.mark.parametrize(
    ("kind", "part", "right", "wrong"),
    [
        ("read", {"filter": "{{a}}"}, [{}, {"b": 1}], ["x", [], [1], 5, None]),
        ("read", {"limit": "{{a}}"}, [0, 5, None], ["x", 1.5, True, {}, [1]]),
        ("read", {"skip": "{{a}}"}, [0, 5, None], ["5", -1]),
        ("read", {"filter": {"b": "{{a}}"}}, ["x", None, {"c": 2**63 - 1}], [{"c": [2**63]}]),
        ("read", {"filter": {"b": "{{a:OBJECT}}"}}, [{}], [{"c": {"d": -(2**63) - 1}}]),
        ("read", {"filter": {"b": {"$in": "{{a:ARRAY}}"}}}, [[1]], [[[2**63]], [2**63]]),
        ("create", {"document": "{{a}}"}, [{}], ["x", [{}], None, {"b": 2**63}]),
        ("delete", {"filter": "{{a}}"}, [{"b": 1}], [None, "x", []]),
        ("update", {"filter": {}, "update": {"$set": "{{a}}"}}, [{"b": 1}], ["x", None, [1]]),
    ],
)
def test_what_no_document_can_have_is_told_at_its_path(
    kind: str, part: JsonObject, right: list[JsonValue], wrong: list[JsonValue]
) -> None:
    template: JsonObject = {"collection": "people", **part}
    assert [one for one in right if mongo_faults(kind, template, one)] == []
    assert [set(mongo_faults(kind, template, one)) for one in wrong] == [{"input.filter.a"}] * len(
        wrong
    )
