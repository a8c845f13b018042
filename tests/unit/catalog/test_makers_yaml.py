"""YAML of other makers: anchors, aliases and merges, within bounds (SPEC 18)."""

import pytest

from ductape.catalog.yaml_reading import Bounds, read_yaml
from ductape.errors import ValidationError

MAKERS = Bounds(anchors=True, nesting=8, merged=6)


def test_an_alias_is_the_same_value_again() -> None:
    assert read_yaml("a: &x {b: 1}\nc: *x\nd: [*x]\ne: &y z\nf: *y", MAKERS) == {
        "a": {"b": 1},
        "c": {"b": 1},
        "d": [{"b": 1}],
        "e": "z",
        "f": "z",
    }


def test_what_is_written_out_wins_over_what_is_merged_in() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 3}\nd: {<<: *b}"
    read = read_yaml(text, MAKERS)
    assert isinstance(read, dict)
    assert (read["c"], read["d"]) == ({"x": 3, "y": 1, "z": 2}, {"y": 2, "z": 2})


@pytest.mark.parametrize(
    "text",
    [
        "a: *nothing",
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: &a 1\nb: {<<: *a}",
        "a: &a {a: 1, b: 2, c: 3, d: 4}\nb: {<<: *a}\nc: {<<: *a}",
        "a: !!python/object x",
        "&a b: 1",
    ],
)
def test_what_has_no_bounds_or_no_meaning_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        read_yaml(text, MAKERS)


def test_a_quoted_key_of_the_merge_sign_is_a_key() -> None:
    with pytest.raises(ValidationError):
        read_yaml("'<<': {a: 1}")
    with pytest.raises(ValidationError):
        read_yaml("'<<': {a: 1}", MAKERS)
