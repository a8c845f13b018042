"""Lists of values in `IN (…)` on every SQL database (SPEC 9, row `database_action`)."""

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from tests.databases.grounds import Ground

NAMES = "SELECT name FROM people WHERE {} ORDER BY id"
ADA: JsonValue = {"name": "ada"}
BOB: JsonValue = {"name": "bob"}


@pytest.fixture
async def people(on_each: Ground) -> Ground:
    on_each.root("INSERT INTO people VALUES (1, 'ada', 36), (2, 'bob', 5)")
    return on_each


@pytest.mark.parametrize(
    "items",
    [
        "{{ids:INTEGER_ARRAY}}, {{id:INTEGER}}",
        "{{id:INTEGER}}, {{ids:INTEGER_ARRAY}}",
        "{{ids:INTEGER_ARRAY}}, {{ids:INTEGER_ARRAY}}, {{id:INTEGER}}, {{ids:INTEGER_ARRAY}}",
        "/* some, */ {{ids:INTEGER_ARRAY}} -- of these (or none)\n, {{id:INTEGER}}",
        "abs({{id:INTEGER}}), {{ids:INTEGER_ARRAY}}",
    ],
)
async def test_an_empty_list_beside_others_adds_nothing(people: Ground, items: str) -> None:
    where: JsonObject = {"ids": [], "id": 1}
    assert await people.rows(NAMES.format(f"id IN ({items})"), where=where) == [ADA]
    assert await people.rows(NAMES.format(f"id NOT IN ({items})"), where=where) == [BOB]


async def test_lists_that_are_all_empty_are_a_set_with_nothing_in_it(people: Ground) -> None:
    where: JsonObject = {"some": [], "more": []}
    items = "{{some:INTEGER_ARRAY}}, {{more:INTEGER_ARRAY}}"
    assert await people.rows(NAMES.format(f"id IN ({items})"), where=where) == []
    assert await people.rows(NAMES.format(f"id NOT IN ({items})"), where=where) == [ADA, BOB]
    neither = NAMES.format(f"NOT (id IN ({items})) AND id NOT /* any */ IN ({items})")
    assert await people.rows(neither, where=where) == [ADA, BOB]


async def test_a_list_beside_a_call_becomes_as_many_items(people: Ground) -> None:
    template = NAMES.format("id IN (abs({{id:INTEGER}}), {{ids:INTEGER_ARRAY}})")
    assert await people.rows(template, where={"ids": [8, 2], "id": -1}) == [ADA, BOB]


async def test_a_list_of_a_query_inside_of_in_is_the_query_s(people: Ground) -> None:
    own = NAMES.format("id IN (SELECT id FROM people WHERE id IN ({{ids:INTEGER_ARRAY}}))")
    assert await people.rows(own, where={"ids": [2, 3]}) == [BOB]
    assert await people.rows(own, where={"ids": []}) == []


async def test_a_list_in_a_query_inside_of_in_is_one_value(people: Ground) -> None:
    """It is no item, so it is an array or JSON, as anywhere."""
    postgres = people.place["database_type"] == "postgresql"
    written = "'{x,y}'" if postgres else """'["x","y"]'"""
    template = NAMES.format(f"id IN (SELECT 2 WHERE {{{{names:STRING_ARRAY}}}} = {written})")
    assert await people.rows(template, where={"names": ["x", "y"]}) == [BOB]
    assert await people.rows(template, where={"names": ["x"]}) == []


COLUMNS = {
    "text": ("'x'", "{{v:INTEGER_ARRAY}}"),
    "uuid": ("'c0ffee00-0000-4000-8000-000000000001'", "{{v:STRING_ARRAY}}"),
    "integer": ("1", "{{v}}"),
    "timestamptz": ("'2026-01-01'", "{{v:DATE_ARRAY}}"),
    "boolean": ("true", "{{v:STRING_ARRAY}}"),
    "mood": ("'glad'", "{{v:STRING_ARRAY}}"),
    "jsonb": ("'{}'", "{{v:STRING_ARRAY}}"),
    "numeric": ("1.5", "'{{v:NUMBER_STRING_ARRAY}}'"),
}
"""Types of PostgreSQL, a value of each, and a list whose own type says another."""


@pytest.mark.parametrize("column", COLUMNS)
async def test_an_empty_list_is_of_its_column_s_type(on_postgres: Ground, column: str) -> None:
    value, placeholder = COLUMNS[column]
    on_postgres.root("CREATE TYPE mood AS ENUM ('glad')")
    on_postgres.root(f"CREATE TABLE kept (c {column})")
    on_postgres.root(f"INSERT INTO kept VALUES ({value}), (NULL)")  # noqa: S608 (constants)
    count = "SELECT count(*) AS n FROM kept WHERE {}"
    for condition, n in (
        (f"c IN ({placeholder})", 0),
        (f"c NOT IN ({placeholder})", 2),
        (f"true = c not in ({placeholder})", 2),
        (f"c IN ({placeholder}) = false", 2),
        (f"NOT c IN ({placeholder}) AND c IS NOT NULL", 1),
    ):
        assert await on_postgres.rows(count.format(condition), where={"v": []}) == [{"n": n}]


async def test_nothing_is_in_an_empty_list_whatever_is_asked_for(on_postgres: Ground) -> None:
    asked = (
        "SELECT {{a}} IN ({{v}}) AS a, {{a}} || 'y' NOT IN ({{v}}) AS b, (1, 'x') IN ({{v}}) AS c"
    )
    for value in ("x", 1, None):
        where: JsonObject = {"a": value, "v": []}
        assert await on_postgres.rows(asked, where=where) == [{"a": False, "b": True, "c": False}]
