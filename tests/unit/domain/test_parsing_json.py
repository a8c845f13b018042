"""What an input may hold: plain JSON, bounded, refused at its path before it is encoded."""

import math
from collections import OrderedDict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.jsonlimits import DEFAULT, plain_object
from ductape.domain.jsonvalue import JsonObject
from ductape.errors import Fault


class Colour(StrEnum):
    RED = "red"


def take(value: object, *, max_bytes: int = 10_000, nesting: int = 64) -> JsonObject | list[Fault]:
    members = cast("dict[str, object]", value)
    return plain_object(members, "input", max_bytes=max_bytes, nesting=nesting)


def faults_of(value: object, *, max_bytes: int = 10_000, nesting: int = 64) -> list[Fault]:
    taken = take(value, max_bytes=max_bytes, nesting=nesting)
    assert isinstance(taken, list)
    return taken


def nested(levels: int) -> dict[str, object]:
    """Build an object with so many levels, itself the outermost."""
    value: dict[str, object] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("value", "path", "hint"),
    [
        (float("nan"), "input.x", None),
        (float("inf"), "input.x", None),
        ([1, [float("-inf")]], "input.x[1][0]", None),
        ({"y": {"z": float("nan")}}, "input.x.y.z", None),
        ("a\ud800b", "input.x", None),
        (["\udfff"], "input.x[0]", None),
        ({"\ud800": 1}, 'input.x["\\ud800"]', None),
        ({1: "x"}, "input.x[1]", None),
        ({None: "x"}, "input.x[None]", None),
        (2**64, "input.x", "give it as a string"),
        (-(2**63) - 1, "input.x", "give it as a string"),
        (b"x", "input.x", "encode it as base64 text"),
        ((1, 2), "input.x", "give a list"),
        ({1, 2}, "input.x", "give a list"),
        (datetime(2027, 1, 1, tzinfo=UTC), "input.x", "give it as ISO 8601 text"),
        (Colour.RED, "input.x", "give its `value`"),
        (1j, "input.x", None),
        (object(), "input.x", None),
    ],
)
def test_what_json_would_lose_or_change_is_refused_at_its_path(
    value: object, path: str, hint: str | None
) -> None:
    (fault,) = faults_of({"x": value, "y": 1})
    assert (fault["path"], fault.get("hint")) == (path, hint)


def test_a_fault_can_always_be_written_as_utf_8() -> None:
    (fault,) = faults_of({"\ud800" * 50: 1})
    assert fault["message"].encode()


@pytest.mark.parametrize("levels", [63, 64])
def test_nesting_within_the_bound_is_taken(levels: int) -> None:
    assert take(nested(levels)) == nested(levels)


def test_nesting_beyond_the_bound_is_refused() -> None:
    (fault,) = faults_of(nested(65))
    assert "at most 64 levels" in fault["expected"]


def test_an_object_inside_itself_is_refused() -> None:
    value: dict[str, object] = {}
    value["again"] = value
    assert faults_of(value)


def test_a_cycle_with_branches_ends_at_the_bound_of_size() -> None:
    value: dict[str, object] = {}
    value["left"] = value["right"] = [value, value]
    (fault,) = faults_of(value)
    assert fault["path"] == "input"


def test_a_small_object_that_unfolds_into_a_huge_one_is_refused_before_it_is_encoded() -> None:
    bomb: list[object] = ["lol"] * 10
    for _ in range(30):
        bomb = [bomb] * 10
    (fault,) = faults_of({"bomb": bomb})
    assert fault["path"] == "input"


def test_one_long_text_many_times_over_is_refused_before_it_is_encoded() -> None:
    (fault,) = faults_of({"x": ["x" * 9_000] * 1_000_000})
    assert fault["expected"] == "at most 10000 bytes of encoded JSON"


@pytest.mark.parametrize("text", ["x", "é", "\x00", "😀"])
def test_the_size_is_that_of_the_encoding_to_the_byte(text: str) -> None:
    value: dict[str, object] = {"x": text * 100}
    size = len(msgspec.json.encode(value))
    assert take(value, max_bytes=size) == value
    assert faults_of(value, max_bytes=size - 1)


def test_an_input_of_a_mebibyte_is_taken_and_a_byte_more_refused() -> None:
    room = DEFAULT.input_bytes - len('{"x":""}')
    assert isinstance(take({"x": "x" * room}, max_bytes=DEFAULT.input_bytes), dict)
    assert faults_of({"x": "x" * (room + 1)}, max_bytes=DEFAULT.input_bytes)


def test_a_million_faults_are_told_in_part() -> None:
    assert len(faults_of({"x": [b""] * 1000})) == 50


def test_a_subclass_of_dict_or_list_is_taken_as_plain() -> None:
    class Items(list[int]):
        pass

    taken = take(OrderedDict[str, object](a=Items([1]), b=OrderedDict[str, object]()))
    assert taken == {"a": [1], "b": {}}
    assert isinstance(taken, dict)
    assert type(taken["a"]) is list


def test_what_is_taken_shares_nothing_with_the_callers_object() -> None:
    inner: list[object] = [1]
    taken = take({"x": inner})
    inner.append(float("nan"))
    assert taken == {"x": [1]}


LEAVES: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, Colour.RED])
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.binary(max_size=2)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(), max_size=3) | st.integers(), inner, max_size=3)
        | st.tuples(inner)
    ),
    max_leaves=12,
)


def is_plain(value: object, levels: int) -> bool:
    """Say the rule a second time, with no thought of speed or paths."""
    match value:
        case Colour() | bytes() | tuple():
            plain = False
        case str():
            plain = not any(0xD800 <= ord(character) <= 0xDFFF for character in value)
        case float():
            plain = math.isfinite(value)
        case int():
            plain = -(2**63) <= value < 2**64
        case dict():
            pairs = cast("dict[object, object]", value).items()
            plain = levels > 0 and all(
                isinstance(key, str) and is_plain(key, 0) and is_plain(member, levels - 1)
                for key, member in pairs
            )
        case list():
            items = cast("list[object]", value)
            plain = levels > 0 and all(is_plain(item, levels - 1) for item in items)
        case _:
            plain = value is None
    return plain


@given(st.dictionaries(st.text(st.characters(), max_size=3), VALUES, max_size=3))
def test_exactly_what_the_rule_allows_is_taken_and_comes_out_equal(value: dict[str, Any]) -> None:
    taken = take(value, nesting=3)
    if is_plain(value, 3):
        assert taken == value
        assert msgspec.json.encode(taken) == msgspec.json.encode(value)
    else:
        assert isinstance(taken, list)
        assert all(fault["path"].startswith("input") for fault in taken)
