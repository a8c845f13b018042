"""Database actions as they are the same on every SQL database (SPEC 9, row `database_action`)."""

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import ResultTooLarge, ValidationError
from tests.databases.grounds import Ground

NEW = (
    "INSERT INTO people (id, name, age)"
    " VALUES ({{id:INTEGER}}, '{{name:STRING:1:40}}', {{age:INTEGER:0:150}})"
)
ADA: JsonObject = {"id": 1, "name": "ada", "age": 36}
BOB: JsonObject = {"id": 2, "name": "bob", "age": 5}
PEOPLE = "SELECT * FROM people ORDER BY id"


async def test_rows_are_written_and_read(on_each: Ground) -> None:
    assert await on_each.act(NEW, data=ADA) == {"count": 1}
    assert await on_each.act(PEOPLE) == {"rows": [ADA], "count": 1}


async def test_a_write_may_return_rows(on_each: Ground) -> None:
    done = await on_each.act(f"{NEW} RETURNING id, name", data=ADA)
    assert done == {"count": 1, "rows": [{"id": 1, "name": "ada"}]}


async def test_what_only_reads_counts_its_rows_also_where_it_might_write(on_each: Ground) -> None:
    await on_each.act(NEW, data=[ADA, BOB])
    assert await on_each.act(PEOPLE, type="update") == {"count": 2, "rows": [ADA, BOB]}
    none = "SELECT * FROM people WHERE id = {{id}}"
    assert await on_each.act(none, type="update", data={"id": 3}) == {"count": 0, "rows": []}


async def test_a_list_of_data_is_written_whole_or_not_at_all(on_each: Ground) -> None:
    assert await on_each.act(NEW, data=[ADA, BOB]) == {"count": 2}
    taken: list[JsonValue] = [
        {"id": 3, "name": "eve", "age": 1},
        {"id": 4, "name": "ada", "age": 1},
    ]
    error = await on_each.refused(NEW, data=taken)
    assert error.code == "VALIDATION_ERROR"
    assert await on_each.rows(PEOPLE) == [ADA, BOB]


async def test_a_filter_finds_by_lists_inside_and_outside_of_quotes(on_each: Ground) -> None:
    await on_each.act(NEW, data=[ADA, BOB])
    by_ids = "SELECT name FROM people WHERE id IN ({{ids:INTEGER_ARRAY}}) ORDER BY id"
    found = await on_each.rows(by_ids, where={"ids": [1, 2, 3]})
    assert found == [{"name": "ada"}, {"name": "bob"}]
    assert await on_each.rows(by_ids, where={"ids": []}) == []
    others = by_ids.replace(" IN ", " NOT IN ")
    assert await on_each.rows(others, where={"ids": []}) == found
    quoted = "SELECT id FROM people WHERE name IN ('{{one}}', '{{other}}') ORDER BY id"
    assert await on_each.rows(quoted, where={"one": "ada", "other": "nobody"}) == [{"id": 1}]


async def test_data_wins_and_the_filter_can_be_named(on_each: Ground) -> None:
    await on_each.act(NEW, data=[ADA, BOB])
    moved = await on_each.act(
        "UPDATE people SET name = {{name}}, age = {{age}} WHERE name = {{filter.name}}",
        data={"name": "ada l.", "age": None},
        where={"name": "ada"},
    )
    assert moved == {"count": 1}
    assert await on_each.rows("SELECT name, age FROM people WHERE id = 1") == [
        {"name": "ada l.", "age": None}
    ]


async def test_rows_that_match_are_counted_though_they_were_so_already(on_each: Ground) -> None:
    await on_each.act(NEW, data=[ADA, BOB])
    assert await on_each.act("UPDATE people SET age = 5 WHERE age = {{age}}", where={"age": 5}) == {
        "count": 1
    }


async def test_the_runs_own_key_can_be_stored(on_each: Ground) -> None:
    template = "INSERT INTO people (id, name) VALUES (1, {{run.idempotency_key}})"
    await on_each.act(template)
    assert await on_each.code(template) == "VALIDATION_ERROR"
    assert await on_each.rows("SELECT name FROM people") == [{"name": "job-1:1"}]


async def test_numbers_keep_their_kind(on_each: Ground) -> None:
    on_each.root("CREATE TABLE sums (f double precision, n bigint)")
    template = "INSERT INTO sums VALUES ({{f:DOUBLE}}, {{n:INTEGER}})"
    await on_each.act(template, data={"f": 0.1, "n": 2**63 - 1})
    assert await on_each.rows("SELECT * FROM sums") == [{"f": 0.1, "n": 2**63 - 1}]


async def test_texts_of_any_language_survive(on_each: Ground) -> None:
    name = "Zoë 日本語 😀 \\ ' \" ` % {{name}} $1 ?"
    await on_each.act(NEW, data={**ADA, "name": name})
    assert await on_each.rows("SELECT name FROM people WHERE name = {{n}}", where={"n": name}) == [
        {"name": name}
    ]


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("SELECT * FROM nothing", "VALIDATION_ERROR"),
        ("SELECT nothing FROM people", "VALIDATION_ERROR"),
        ("SELEKT 1", "VALIDATION_ERROR"),
        ("INSERT INTO people (id, name) VALUES (1, 'ada')", "VALIDATION_ERROR"),
        ("INSERT INTO people (id) VALUES (NULL, 1)", "VALIDATION_ERROR"),
    ],
)
async def test_what_cannot_be_right_is_not_tried_again(
    on_each: Ground, template: str, code: str
) -> None:
    await on_each.act(NEW, data=ADA)
    assert await on_each.code(template) == code
    assert await on_each.rows(PEOPLE) == [ADA]


async def test_what_reads_cannot_write(on_each: Ground) -> None:
    await on_each.act(NEW, data=ADA)
    assert await on_each.code("DELETE FROM people", type="read") == "VALIDATION_ERROR"
    assert await on_each.rows(PEOPLE) == [ADA]


async def test_a_read_that_is_too_large_is_stopped(on_each: Ground) -> None:
    numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 900)"
    few = numbers + " SELECT x FROM n"  # noqa: S608 (two constants)
    many = numbers + " SELECT x, {{t}} AS t FROM n"  # noqa: S608 (the same)
    with pytest.raises(ResultTooLarge):
        await on_each.act(many, where={"t": "x" * 2_000})
    assert len(await on_each.rows(few, max_result_bytes=20_000)) == 900
    with pytest.raises(ResultTooLarge):
        await on_each.act(few, max_result_bytes=5_000)


async def test_columns_of_one_name_are_all_there(on_each: Ground) -> None:
    assert await on_each.rows("SELECT 1 AS a, 2 AS a, 3 AS b") == [{"a": 1, "a_2": 2, "b": 3}]


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({}, {"input.data.id", "input.data.name", "input.data.age"}),
        ({"data": {**ADA, "name": ""}}, {"input.data.name"}),
        ({"data": {**ADA, "age": 151}}, {"input.data.age"}),
        ({"data": {**ADA, "age": None}}, {"input.data.age"}),
        ({"data": {**ADA, "id": 2**63}}, {"input.data.id"}),
        ({"data": {**ADA, "id": True}}, {"input.data.id"}),
        ({"data": {**ADA, "nmae": "x"}}, {"input.data.nmae"}),
        ({"data": ADA, "where": {"x": 1}}, {"input.filter.x"}),
        ({"data": [ADA, {**BOB, "id": "2"}]}, {"input.data[1].id"}),
        ({"data": []}, {"input.data"}),
        ({"data": "x"}, {"input.data"}),
    ],
)
async def test_an_input_that_does_not_fit_is_told_at_its_paths(
    on_sqlite: Ground, given: dict[str, JsonValue], paths: set[str]
) -> None:
    with pytest.raises(ValidationError) as raised:
        await on_sqlite.act(NEW, **given)  # pyright: ignore[reportArgumentType]
    assert {one["path"] for one in raised.value.errors} == paths
