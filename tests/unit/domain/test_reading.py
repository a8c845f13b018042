"""A definition is decoded once as long as it stays what it is."""

from msgspec import Struct

from ductape.domain.definitions.reading import MOST_KEPT, Reading
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target


class Shape(Struct, frozen=True):
    url: str


def a_target(definition: JsonObject, *, refers: bool = False) -> Target:
    return Target(JobEventTypes.ACTION, "event", definition, b"", refers=refers)


def test_a_definition_is_decoded_once() -> None:
    reading, definition = Reading(Shape), {"url": "a"}
    first = reading.of(a_target(definition))
    assert first == Shape("a")
    assert reading.of(a_target(definition)) is first


def test_an_equal_definition_of_another_version_is_decoded_by_itself() -> None:
    reading = Reading(Shape)
    kept = [reading.of(a_target({"url": url})) for url in ("a", "b")]
    assert kept == [Shape("a"), Shape("b")]


def test_what_references_brought_in_is_not_kept() -> None:
    reading, definition = Reading(Shape), {"url": "a"}
    first = reading.of(a_target(definition, refers=True))
    assert reading.of(a_target(definition, refers=True)) is not first


def test_only_so_many_are_kept() -> None:
    reading = Reading(Shape)
    definitions: list[JsonObject] = [{"url": str(at)} for at in range(MOST_KEPT + 1)]
    first, *_, last = [reading.of(a_target(one)) for one in definitions]
    assert reading.of(a_target(definitions[-1])) is last
    assert reading.of(a_target(definitions[0])) is not first
