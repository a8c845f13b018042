"""SQL templates: what is a value, what is refused, and what the database is sent (SPEC 9)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.templates.placeholders import Placeholder
from ductape.domain.templates.sql import (
    Dialect,
    Statement,
    TemplateFault,
    read_template,
    statement_of,
)
from ductape.domain.templates.sql.lexing import pieces

DIALECTS: tuple[Dialect, ...] = ("postgresql", "mysql", "sqlite")


def filled(sql: str, dialect: Dialect = "sqlite", **values: JsonValue) -> Statement:
    def value_of(wanted: Placeholder) -> JsonValue:
        return values[wanted.name]

    return statement_of(read_template(sql, dialect), value_of)


def sent(
    sql: str, dialect: Dialect = "sqlite", **values: JsonValue
) -> tuple[str, tuple[object, ...]]:
    statement = filled(sql, dialect, **values)
    return statement.text, statement.parameters


@pytest.mark.parametrize("dialect", DIALECTS)
def test_quotes_round_a_placeholder_are_dropped(dialect: Dialect) -> None:
    bare = sent("SELECT * FROM t WHERE a = {{a}}", dialect, a="x")
    assert sent("SELECT * FROM t WHERE a = '{{a}}'", dialect, a="x") == bare
    assert sent("SELECT * FROM t WHERE a = '{{ a:STRING:1:9 }}'", dialect, a="x") == bare


def test_mysql_has_strings_in_either_quotes() -> None:
    assert sent('SELECT "{{a}}", "it\\"s"', "mysql", a=1) == ('SELECT ?, "it\\"s"', (1,))
    assert sent('SELECT "b", "{{a}}"', "sqlite", a=1) == ('SELECT "b", ?', (1,))
    assert sent('SELECT "b", "{{a}}"', "postgresql", a=1)[0] == 'SELECT "b", $1'


def test_postgres_numbers_its_parameters() -> None:
    assert sent("SELECT {{a}}, {{b}}, {{a}}", "postgresql", a=1, b="2") == (
        "SELECT $1, $2, $3",
        (1, "2", 1),
    )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_list_becomes_as_many_values_in_a_list(dialect: Dialect) -> None:
    text, values = sent("SELECT 1 WHERE a IN ( {{ids:INTEGER_ARRAY}} )", dialect, ids=[1, 2, 3])
    assert values == (1, 2, 3)
    assert text.count(",") == 2


def test_quoted_placeholders_stand_in_lists_too() -> None:
    assert sent("SELECT 1 WHERE a in ('{{a}}', '{{b}}', 'c')", a="x", b="y") == (
        "SELECT 1 WHERE a in (?, ?, 'c')",
        ("x", "y"),
    )


def test_an_empty_list_is_a_set_with_nothing_in_it() -> None:
    text, values = sent("SELECT 1 WHERE a IN ({{ids:INTEGER_ARRAY}})", "postgresql", ids=[])
    assert (text, values) == ("SELECT 1 WHERE a OPERATOR(=) ANY ('{}')", ())
    text, values = sent("SELECT 1 WHERE a NOT IN ({{ids}})", "sqlite", ids=[])
    assert "WHERE 1 = 0" in text
    assert values == ()


def test_elsewhere_a_list_is_an_array_to_postgres_and_json_to_the_others() -> None:
    assert sent("SELECT ANY({{a}})", "postgresql", a=["x", "y"])[1] == (["x", "y"],)
    assert sent("SELECT {{a}}", "sqlite", a=["x", "y"])[1] == ('["x","y"]',)
    assert sent("SELECT {{a}}", "mysql", a={"k": [1]})[1] == ('{"k":[1]}',)


def test_the_empty_array_of_any_is_no_empty_set() -> None:
    assert sent("SELECT a = ANY({{a}})", "postgresql", a=[]) == ("SELECT a = ANY($1)", ([],))


def test_a_float_stays_one() -> None:
    (value,) = filled("SELECT {{a:FLOAT}}", a=3).parameters
    assert isinstance(value, float)


@pytest.mark.parametrize(
    ("dialect", "sql", "why"),
    [
        ("sqlite", "SELECT 'x {{a}}'", "inside of a string"),
        ("postgresql", "SELECT '%{{a}}%'", "inside of a string"),
        ("postgresql", "SELECT e'\\'{{a}}'", "inside of a string"),
        ("mysql", "SELECT 'it\\'s {{a}}'", "inside of a string"),
        ("postgresql", 'SELECT "x{{a}}"', "inside of a name"),
        ("sqlite", "SELECT [{{a}}]", "inside of a name"),
        ("sqlite", "SELECT `{{a}}`", "inside of a name"),
        ("mysql", "SELECT `{{a}}`", "inside of a name"),
        ("sqlite", "SELECT 1 -- {{a}}", "inside of a comment"),
        ("mysql", "SELECT 1 # {{a}}", "inside of a comment"),
        ("mysql", "SELECT 1 /*! {{a}} */", "inside of a comment"),
        ("postgresql", "SELECT 1 /* /* */ {{a}} */", "inside of a comment"),
        ("postgresql", "SELECT $$ {{a}} $$", "dollar-quoted"),
        ("postgresql", "SELECT $f_1$ $$ {{a}} $f_1$", "dollar-quoted"),
        ("postgresql", "SELECT N'{{a}}'", "inside of the literal `N '…'`"),
        ("postgresql", "SELECT u&'{{a}}'", "inside of the literal `u& '…'`"),
        ("mysql", "SELECT _utf8mb4'{{a}}'", "inside of the literal `_utf8mb4 '…'`"),
        ("sqlite", "SELECT x'{{a}}'", "inside of the literal `x '…'`"),
        ("postgresql", "SELECT now() - interval '{{a}}'", "inside of the literal `interval '…'`"),
        (
            "postgresql",
            "SELECT timestamp(3) with time zone\n'{{a}}'",
            "with time zone '…'` in line 2",
        ),
        ("mysql", "SELECT DATE '{{a}}'", "inside of the literal `DATE '…'`"),
    ],
)
def test_a_placeholder_that_could_only_be_text_is_refused(
    dialect: Dialect, sql: str, why: str
) -> None:
    with pytest.raises(TemplateFault, match=why):
        read_template(sql, dialect)


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("postgresql", "SELECT 1 & '{{a}}', update_date = '{{a}}' FROM date WHERE x LIKE '{{a}}'"),
        ("postgresql", "SELECT '{{a}}'::date, CAST('{{a}}' AS interval)"),
        ("mysql", "SELECT now() - INTERVAL '{{a}}' DAY, prefix_x = '{{a}}'"),
        ("sqlite", "SELECT date('{{a}}'), date = '{{a}}'"),
    ],
)
def test_only_what_makes_a_literal_of_a_string_is_refused(dialect: Dialect, sql: str) -> None:
    assert {one.name for one in read_template(sql, dialect).placeholders} == {"a"}


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT {{a", "a whole placeholder"),
        ("SELECT a}}", "a whole placeholder"),
        ("SELECT {{1a}}", "a placeholder such as"),
        ("SELECT {{a b}}", "a placeholder such as"),
        ("SELECT {{a:TEXT}}", "one of the data types"),
        ("SELECT {{a:STRING:x}}", "a number as a bound"),
        ("SELECT {{a:STRING:5:1}}", "a least bound below"),
        ("SELECT {{a:INTEGER:9007199254740993:9007199254740992}}", "a least bound below"),
        ("SELECT {{a:DATE:2026-12-31:2026-01-01}}", "a least bound below"),
        (f"SELECT {{{{a:INTEGER:{'9' * 5_000}}}}}", "a number as a bound"),
        ("SELECT {{a:BOOLEAN:1}}", "no bound"),
        ("SELECT {{a:DATE:soon}}", "a bound such as"),
        ("SELECT {{a:STRING:1:2:3}}", "a placeholder such as"),
        ("SELECT 'open", "an end of a string"),
        ("SELECT 1 /* open", "an end of a comment"),
        ("SELECT 1; DELETE FROM t", "one statement"),
        ("SELECT 1; 'x'", "one statement"),
        ("SELECT 1; {{a}}", "one statement"),
        ("SELECT ?", "values written as"),
        ("SELECT :name", "values written as"),
        ("SELECT @name", "values written as"),
        ("  -- nothing", "an SQL statement"),
        ("", "an SQL statement"),
        ("COMMIT", "a statement that reads or writes"),
        ("/* x */ attach 'a.db' AS a", "a statement that reads or writes"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(sql: str, why: str) -> None:
    with pytest.raises(TemplateFault, match=why):
        read_template(sql, "sqlite")


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("postgresql", "SELECT '{{1,2},{3,4}}'::int[]"),
        ("postgresql", "SELECT a::text, b -> 'c', d ? 'e' FROM t;"),
        ("postgresql", "SELECT $tag$ it's -- text $tag$ AS x"),
        ("postgresql", "SELECT a$1b FROM t"),
        ("mysql", "SELECT 5--1, @x := 1"),
        ("sqlite", "SELECT 1; -- done"),
        ("sqlite", "WITH a AS (SELECT 1) SELECT * FROM a"),
    ],
)
def test_what_has_no_placeholder_is_sent_as_it_is(dialect: Dialect, sql: str) -> None:
    assert sent(sql, dialect) == (sql, ())


@given(st.text(alphabet="'\"`[]$-/*#;E\\ ab\n{}"), st.sampled_from(DIALECTS))
def test_taking_apart_loses_nothing(sql: str, dialect: Dialect) -> None:
    assert "".join(piece.written for piece in pieces(sql, dialect)) == sql


@given(st.text(), st.sampled_from(DIALECTS))
def test_no_value_ever_becomes_text(value: str, dialect: Dialect) -> None:
    template = "SELECT * FROM t WHERE a = '{{a}}' AND b IN ({{b}})"
    statement = filled(template, dialect, a=value, b=[value, value])
    harmless = filled(template, dialect, a="x", b=["x", "x"])
    assert statement.text == harmless.text
    assert statement.parameters == (value, value, value)


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT 1 WHERE a IN ((1), {{ids}})", "SELECT 1 WHERE a IN ((1), ?, ?)"),
        ("SELECT 1 WHERE a IN ({{ids}} + 1, 'IN (')", "SELECT 1 WHERE a IN (? + 1,? + 1, 'IN (')"),
        ("SELECT 1 WHERE f(a IN ({{ids}}), {{b}})", "SELECT 1 WHERE f(a IN (?,?), ?)"),
        ("SELECT 1 WHERE a IN (f({{ids}}, 1))", "SELECT 1 WHERE a IN (f(?, 1))"),
        ("SELECT 1 WHERE a IN ( WITH x AS (b) {{ids}})", "SELECT 1 WHERE a IN ( WITH x AS (b) ?)"),
        ("SELECT 1 WHERE a IN (b IN ({{ids}}), {{ids}})", "SELECT 1 WHERE a IN (b IN (?,?), ?, ?)"),
        ("SELECT 1 WHERE (a IN ({{ids}}", "SELECT 1 WHERE (a IN (?"),
        ("SELECT 1) WHERE a IN ({{ids}}))", "SELECT 1) WHERE a IN (?,?))"),
    ],
)
def test_only_an_item_of_the_list_itself_becomes_many(sql: str, text: str) -> None:
    assert sent(sql, "sqlite", ids=[1, 2], b=3)[0] == text


FRAGMENTS = ("IN", "NOT", " ", "(", ")", ",", "{{a}}", "SELECT", "/*,*/", "'('", "a", "1")


@given(st.lists(st.sampled_from(FRAGMENTS)), st.sampled_from(DIALECTS))
def test_a_template_without_lists_is_written_as_it_is(words: list[str], dialect: Dialect) -> None:
    sql = "a" + "".join(words)
    text = filled(sql, dialect, a=1).text
    assert re.sub(r"\$\d+|\?", "{{a}}", text) == sql
