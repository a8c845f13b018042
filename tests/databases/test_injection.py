"""No payload reaches a table as anything but text (SPEC 9 and 18)."""

import pytest

from ductape.domain.jsonvalue import JsonValue
from ductape.errors import ValidationError
from tests.databases.grounds import Ground
from tests.databases.payloads import PAYLOADS

COLUMN = {
    "sqlite": "text",
    "postgresql": "text",
    "mariadb": "varchar(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
}
"""A column that tells texts apart as they are, spaces at the end as well."""

NEW = "INSERT INTO corpus (id, name) VALUES ({{id:INTEGER}}, '{{name:STRING}}')"
RENAMED = "UPDATE corpus SET name = {{data.name}} WHERE name = '{{filter.name}}'"


def test_there_are_enough_of_them() -> None:
    assert len(PAYLOADS) >= 200


@pytest.fixture
async def corpus(on_each: Ground) -> Ground:
    """Give a table with every payload in it, written by an action."""
    on_each.root("DROP TABLE people")
    column = COLUMN[str(on_each.place["database_type"])]
    on_each.root(f"CREATE TABLE corpus (id integer PRIMARY KEY, name {column})")
    data: JsonValue = [{"id": at, "name": name} for at, name in enumerate(PAYLOADS)]
    assert await on_each.act(NEW, data=data) == {"count": len(PAYLOADS)}
    return on_each


async def test_they_are_stored_as_they_are(corpus: Ground) -> None:
    rows = await corpus.rows("SELECT name FROM corpus ORDER BY id")
    assert [row["name"] for row in rows if isinstance(row, dict)] == list(PAYLOADS)


async def test_each_finds_itself_alone(corpus: Ground) -> None:
    for at, name in enumerate(PAYLOADS):
        template = "SELECT id FROM corpus WHERE name = '{{name}}'"
        assert await corpus.rows(template, where={"name": name}) == [{"id": at}], name


async def test_all_are_found_in_a_list(corpus: Ground) -> None:
    template = "SELECT count(*) AS n FROM corpus WHERE name IN ({{names:STRING_ARRAY}})"
    assert await corpus.rows(template, where={"names": list(PAYLOADS)}) == [{"n": len(PAYLOADS)}]


async def test_each_changes_one_row_and_none_deletes_another(corpus: Ground) -> None:
    for name in PAYLOADS:
        given = {"data": {"name": f"{name}!"}, "where": {"name": name}}
        assert await corpus.act(RENAMED, **given) == {"count": 1}, name
    deleted = await corpus.act(
        "DELETE FROM corpus WHERE name = {{name}}", where={"name": "' OR '1'='1"}
    )
    assert deleted == {"count": 0}
    assert len(await corpus.rows("SELECT id FROM corpus")) == len(PAYLOADS)


async def test_texts_that_are_no_numbers_never_reach_the_database(on_each: Ground) -> None:
    for text in ("1 OR 1=1", "1; DROP TABLE people", "0x1", "1e3", ""):
        with pytest.raises(ValidationError, match="INTEGER"):
            await on_each.act("SELECT * FROM people WHERE id = {{id:INTEGER}}", where={"id": text})
