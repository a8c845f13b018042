"""What each operator computes, through the door that users have: text in, value out."""

import pytest

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references import resolve, scope, tree_source
from ductape.domain.references.operators import OPERATORS
from ductape.errors import ValidationError

NOW_MS = 1_764_000_000_123

VALUES: dict[str, JsonValue] = {
    "n": 41,
    "half": 0.5,
    "yes": True,
    "none": None,
    "name": "Ada",
    "list": ["a", 1, None, {"k": [True]}],
    "big": 2**64 - 1,
    "people": [
        {"name": "Ada", "age": 36, "at": {"city": "London"}, "tags": ["a", "b"]},
        {"name": "Bob", "age": 9, "at": {"city": "Delft"}, "tags": []},
        {"name": "Cy", "age": True},
    ],
}


ADA: JsonValue = {"name": "Ada", "age": 36}
EVENING = "4 Mar 2026 10:5:6 PM +00:00"
THURSDAY = "Thursday the 5 March 064 Thu +0000 am"


def computed(text: str) -> JsonValue:
    return resolve(text, scope({"Input": tree_source(VALUES)}, NOW_MS))


def refused(text: str) -> str:
    with pytest.raises(ValidationError) as caught:
        computed(text)
    assert caught.value.code == "VALIDATION_ERROR"
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$Now()", NOW_MS),
        ("$Add(1, 2, 3)", 6),
        ("$Add($Input{n}, 1)", 42),
        ("$Add($Input{n}, $Input{half})", 41.5),
        ("$Add($Now(), 86400000)", NOW_MS + 86_400_000),
        ("$Subtract(1, 2)", -1),
        ("$Subtract(1.5, 0.5)", 1.0),
        ("$Concat(['a', 'b', 'c'], '-')", "a-b-c"),
        ("$Concat(['a', 'b'])", "ab"),
        ("$Concat([], '-')", ""),
        ("$Concat($Input{list}, '|')", 'a|1||{"k":[true]}'),
        ("$Concat([$Input{n}, $Input{yes}, $Input{none}], ',')", "41,true,"),
        ("$Uppercase($Input{name})", "ADA"),
        ("$Lowercase('ÄB')", "äb"),
        ("$Default($Input{name}, 'nobody')", "Ada"),
        ("$Default($Input{none}, 'nobody')", "nobody"),
        ("$Default($Input{lost}, 'nobody')", "nobody"),
        ("$Default($Input{lost}, $Default($Input{gone}, 3))", 3),
        ("$Default($Uppercase($Input{lost}), 'nobody')", "nobody"),
        ("$Default([$Input{lost}], 'nobody')", "nobody"),
        ("$Default($Input{lost}, null)", None),
        ("$Default(false, 1)", False),
        ("$Default(0, 1)", 0),
        ("$Uppercase($Concat([$Input{name}, $Add(1, 1)], ' '))", "ADA 2"),
        ("$Join(['a', 'b'])", "a,b"),
        ("$Join($Split('a b', ' '), '+')", "a+b"),
        ("$Join([])", ""),
        ("$Substring('Ductape', 0, 4)", "Duct"),
        ("$Substring('Ductape', 4)", "ape"),
        ("$Substring('Ductape', 4, 99)", "ape"),
        ("$Substring('Ductape', 4, null)", "ape"),
        ("$Substring('Ductape', 5, 2)", ""),
        ("$Substring('äöü', 1, 2)", "ö"),
        ("$Trim('  a b \t')", "a b"),
        ("$Split('a,b,', ',')", ["a", "b", ""]),
        ("$Split('äb', '')", ["ä", "b"]),
        ("$Split('', ',')", [""]),
        ("$Pick($Split('Ada Lovelace', ' '), 1)", "Lovelace"),
        ("$Pick($Input{list}, 9)", None),
        ("$Pick($Input{list}, -4)", "a"),
        ("$Pick('abc', 0)", "a"),
        ("$Pick($Find($Input{people}, 'name', 'Bob'), 'age')", 9),
        ("$Pick($Find($Input{people}, 'name', 'Bob'), 'at.city')", "Delft"),
        ("$Pick($Find($Input{people}, 'name', 'Ada'), ['name', 'age', 'no'])", ADA),
        ("$Dateformat(1764000000123, 'YYYY-MM-DD')", "2025-11-24"),
        ("$Dateformat($Now(), 'DD/MM/YY HH:mm:ss.SSS')", "24/11/25 16:00:00.123"),
        ("$Dateformat(1764000000, 'x X')", "1764000000000 1764000000"),
        ("$Dateformat('2026-03-05T00:05:06+02:00', 'D MMM YYYY h:m:s A Z')", EVENING),
        ("$Dateformat('2026-03-05', 'dddd [the] D MMMM DDDD ddd ZZ a')", THURSDAY),
        ("$Dateformat('2026-03-05', '')", ""),
        ("$Replace('a-b-c', '-', '')", "abc"),
        ("$Replace('a.b', '.', '$$')", "a$$b"),
        ("$Replace('x', 'y', 'z')", "x"),
        ("$Filter([1, 2, 1], 1)", [1, 1]),
        ("$Filter([1, true], 1)", [1]),
        ("$Filter([1, 5, 'x', null, 9], '>', 4)", [5, 9]),
        ("$Filter(['b', 'a', 1], '<=', 'a')", ["a"]),
        ("$Filter([1, 2], '!=', 2)", [1]),
        ("$Filter([1, 2, 3], 'in', [1, 3])", [1, 3]),
        ("$Filter([1, true, '1', null, [1]], 'in', [true, null, [1]])", [True, None, [1]]),
        ("$Filter(['ab', 'c', 1], 'in', 'abx')", ["ab"]),
        ("$Filter([1], 'in', 1)", []),
        ("$Filter(['abc', 'b', 3], 'contains', 'b')", ["abc", "b"]),
        ("$Size{$Filter($Input{people}, 'age', '>=', 9)}", 2),
        ("$Size{$Filter($Input{people}, 'tags', 'contains', 'a')}", 1),
        ("$Size{$Filter($Input{people}, 'at.city', 'Delft')}", 1),
        ("$Size{$Filter($Input{people}, $Pick($Input{people}, 0))}", 1),
        ("$Find($Input{list}, 'z')", None),
        ("$Find([3, 4], '==', 4)", 4),
        ("$Size{$Input{people}}", 3),
        ("$Size($Input{list})", 4),
        ("$Length{$Input{name}}", 3),
        ("$Length{[1, 2]}", 2),
    ],
)
def test_an_operator_gives_its_value_with_its_type(text: str, value: JsonValue) -> None:
    result = computed(text)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("$Add($Input{yes}, 1)", "a number as argument 1 of `$Add(number, number, …)`"),
        ("$Add(1, '2')", "a number as argument 2"),
        ("$Subtract(null, 1)", "a number as argument 1"),
        ("$Uppercase(1)", "text as argument 1 of `$Uppercase(text)`, found a number"),
        ("$Lowercase($Input{none})", "text as argument 1"),
        ("$Concat('ab', '-')", "a list as argument 1"),
        ("$Concat(['a'], 1)", "text as argument 2"),
        ("$Add($Input{big}, 1)", "a number of at most 64 bits"),
        ("$Add(1e308, 1e308)", "a number of at most 64 bits"),
        ("$Substring('abc', -1)", "an integer from 0 as argument 2"),
        ("$Substring('abc', 1.5)", "an integer from 0 as argument 2"),
        ("$Substring('abc', true)", "an integer from 0 as argument 2"),
        ("$Trim(1)", "text as argument 1 of `$Trim(text)`, found a number"),
        ("$Split('a', 1)", "text as argument 2"),
        ("$Join('a')", "a list as argument 1"),
        ("$Replace('a', '', 'b')", "text that is not empty as argument 2"),
        ("$Dateformat('tomorrow', 'YYYY')", "a timestamp or an ISO 8601 text as argument 1"),
        ("$Dateformat($Input{yes}, 'YYYY')", "a timestamp or an ISO 8601 text as argument 1"),
        ("$Dateformat(0, 1)", "text as argument 2"),
        ("$Pick(1, 0)", "a list, an object or text as argument 1"),
        ("$Pick([1], 'a')", "a position as argument 2"),
        ("$Pick([1], true)", "a position as argument 2"),
        ("$Pick($Pick($Input{people}, 0), 1)", "a key, or a list of keys, as argument 2"),
        ("$Filter('abc', 1)", "a list as argument 1"),
        ("$Filter([], 1, 2)", "a key or a comparison, as text, as argument 2"),
        ("$Find([], 'age', '~', 2)", "one of = == != < <= > >= in contains as argument 3"),
        ("$Size{1}", "a list, an object or text as argument 1"),
        ("$Default($Uppercase(1), 'x')", "text as argument 1 of `$Uppercase(text)`"),
    ],
)
def test_a_wrong_argument_is_refused_without_showing_it(text: str, sentence: str) -> None:
    assert sentence in refused(text)


def test_default_does_not_look_at_what_it_does_not_need() -> None:
    assert computed("$Default($Input{name}, $Input{lost})") == "Ada"


def test_the_operators_are_those_of_the_contract() -> None:
    named_by_the_contract = (
        "Now Add Subtract Concat Substring Trim Split Pick Join Uppercase Lowercase Dateformat "
        "Replace Filter Find Size Length Default"
    )
    assert OPERATORS.keys() == set(named_by_the_contract.split())


def test_looking_for_a_lot_takes_no_time_by_the_square() -> None:
    many: list[JsonValue] = [*range(50_000)]
    VALUES["many"] = many
    VALUES["odd"] = {f"k{at}": None for at in range(101)}
    VALUES["lists"] = [[at] for at in range(101)]
    try:
        assert computed("$Size{$Filter($Input{many}, 'in', $Input{many})}") == len(many)
        assert "at most 100 members" in refused("$Filter($Input{list}, $Input{odd})")
        assert "at most 100 lists" in refused("$Filter($Input{list}, 'in', $Input{lists})")
    finally:
        for name in ("many", "odd", "lists"):
            del VALUES[name]


def test_what_is_not_found_has_a_default() -> None:
    assert computed("$Default($Find($Input{people}, 'name', 'Zoe'), 'nobody')") == "nobody"
    assert computed("$Default($Pick($Input{list}, 9), 'none')") == "none"


def test_no_operator_makes_more_text_than_an_input_has_room_for() -> None:
    VALUES["long"] = "a" * 2_000
    try:
        sentence = "a text of at most 1048576 characters"
        assert sentence in refused("$Replace($Input{long}, 'a', $Input{long})")
        assert sentence in refused("$Join($Split($Input{long}, ''), $Input{long})")
        assert sentence in refused("$Concat([" + ", ".join(["$Input{long}"] * 600) + "])")
        xs = "x" * 100_000
        assert sentence in refused(f"$Dateformat($Now(), '{xs}')")
    finally:
        del VALUES["long"]
