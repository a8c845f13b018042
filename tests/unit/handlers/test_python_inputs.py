"""What an annotation says of the input is checked, whatever JSON it is of (SPEC 8)."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

import msgspec
import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import ValidationError
from ductape.handlers.python.inputs import MOST_FAULTS, checked_type, typed_input


@dataclass
class Point:
    x: int
    y: int = 0


class Path(msgspec.Struct):
    points: list[Point]
    size: Annotated[int, msgspec.Meta(gt=0)] = 1


class Drawn(Protocol):
    color: str


def faults(given: JsonValue, annotation: object) -> list[tuple[str, str, str]]:
    with pytest.raises(ValidationError) as raised:
        typed_input(given, checked_type(annotation), "input")
    return [(one["path"], one["expected"], one["found"]) for one in raised.value.errors]


@pytest.mark.parametrize(
    ("annotation", "given", "made"),
    [
        (int, 3, 3),
        (float, 3, 3.0),
        (Point | None, None, None),
        (Point | None, {"x": 1}, Point(1)),
        (list[Point], [{"x": 1}, {"x": 2, "y": 3}], [Point(1), Point(2, 3)]),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (dict[str, Point], {"a": {"x": 1}}, {"a": Point(1)}),
        (dict[int, str], {"7": "a"}, {7: "a"}),
        (tuple[int, str], [1, "a"], (1, "a")),
        (dict[str, object], {"a": [None]}, {"a": [None]}),
        (JsonObject, {"a": [None]}, {"a": [None]}),
        (Literal["a", "b"], "b", "b"),
    ],
)
def test_what_fits_becomes_what_is_annotated(
    annotation: object, given: JsonValue, made: object
) -> None:
    assert typed_input(given, checked_type(annotation), "input") == made


@pytest.mark.parametrize(
    ("annotation", "given", "told"),
    [
        (int, {}, [("input", "int", "object")]),
        (int, True, [("input", "int", "bool")]),
        (str, 3, [("input", "str", "int")]),
        (Point | None, {"x": "a"}, [("input.x", "int", "str")]),
        (Point | None, [], [("input", "object | null", "array")]),
        (
            list[Point],
            [{"x": 1}, {"x": "a"}, {}],
            [("input[1].x", "int", "str"), ("input[2].x", "a value", "nothing")],
        ),
        (
            dict[str, int],
            {"a": 1, "b": "2", "c d": None},
            [("input.b", "int", "str"), ('input["c d"]', "int", "null")],
        ),
        (dict[str, list[Point]], {"a": [{"x": None}]}, [("input.a[0].x", "int", "null")]),
        (dict[int, str], {"a": "b"}, [("input", "int", "str")]),
        (tuple[int, str], [1, 2], [("input[1]", "str", "int")]),
        (
            Path,
            {"points": [{"x": "a"}, {"y": "b"}], "size": 0},
            [
                ("input.points[0].x", "int", "str"),
                ("input.points[1].x", "a value", "nothing"),
                ("input.points[1].y", "int", "str"),
                ("input.size", "a value that fits", "Expected `int` >= 1"),
            ],
        ),
    ],
)
def test_every_place_that_does_not_fit_is_told(
    annotation: object, given: JsonValue, told: list[tuple[str, str, str]]
) -> None:
    assert faults(given, annotation) == told


def test_a_hundred_wrong_items_are_told_in_part() -> None:
    given: JsonValue = ["a"] * 100
    assert len(faults(given, list[int])) == MOST_FAULTS


@pytest.mark.parametrize(
    "annotation", [re.Pattern, list[re.Pattern], Drawn, Drawn | None, Point | Path, "Nowhere"]
)
def test_what_json_knows_nothing_of_is_passed_on(annotation: object) -> None:
    assert checked_type(annotation) is None


@pytest.mark.parametrize("annotation", [Any, object, dict, dict[str, Any]])
def test_what_takes_anything_takes_it(annotation: object) -> None:
    assert typed_input({"a": 1}, checked_type(annotation), "input") == {"a": 1}
