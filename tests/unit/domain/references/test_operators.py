"""What each operator computes, through the door that users have: text in, value out."""

import pytest

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references import resolve, scope, tree_source
from ductape.domain.references.operators import OPERATORS, RESERVED
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
}


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
        ("$Default($Uppercase(1), 'x')", "text as argument 1 of `$Uppercase(text)`"),
    ],
)
def test_a_wrong_argument_is_refused_without_showing_it(text: str, sentence: str) -> None:
    assert sentence in refused(text)


def test_default_does_not_look_at_what_it_does_not_need() -> None:
    assert computed("$Default($Input{name}, $Input{lost})") == "Ada"


def test_every_operator_is_either_there_or_reserved() -> None:
    assert not OPERATORS.keys() & RESERVED
    named_by_the_grammar = (
        "Now Add Subtract Concat Substring Trim Split Pick Join Uppercase Lowercase Dateformat "
        "Replace Filter Find Size Length Default"
    )
    assert OPERATORS.keys() | RESERVED == set(named_by_the_grammar.split())
