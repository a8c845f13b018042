"""Reading an operator's arguments: each has the type that is asked for, or is refused (SPEC 6)."""

from math import isfinite
from typing import Never

from ductape.domain.found import kind_of
from ductape.domain.jsonlimits import DEFAULT, INTEGER_MAX, INTEGER_MIN
from ductape.domain.jsonvalue import JsonValue

Arguments = tuple[JsonValue, ...]

LONGEST_TEXT = DEFAULT.input_bytes
"""Characters of what an operator may make: no input has room for more."""


class Mismatch(Exception):
    """An argument has the wrong type or size; the texts never show its value."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


def text_of(arguments: Arguments, position: int) -> str:
    """Return an argument that must be text."""
    value = arguments[position]
    if not isinstance(value, str):
        refuse("text", value, position)
    return value


def list_of(arguments: Arguments, position: int) -> list[JsonValue]:
    """Return an argument that must be a list."""
    value = arguments[position]
    if not isinstance(value, list):
        refuse("a list", value, position)
    return value


def position_of(arguments: Arguments, position: int) -> int:
    """Return an argument that must be an integer from 0."""
    value = arguments[position]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        refuse("an integer from 0", value, position)
    return value


def number_of(value: JsonValue, position: int) -> int | float:
    """Return a value that must be a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        refuse("a number", value, position)
    return in_range(value)


def in_range(number: float) -> int | float:
    """Return a number that JSON keeps."""
    fits = isfinite(number) if isinstance(number, float) else INTEGER_MIN <= number <= INTEGER_MAX
    if not fits:
        raise Mismatch("a number of at most 64 bits", "a larger one")
    return number


def bounded(text: str) -> str:
    """Return a text that an operator made; raises `Mismatch` where no input has room for it."""
    if len(text) > LONGEST_TEXT:
        raise too_long()
    return text


def too_long() -> Mismatch:
    """Make the refusal of a text that is longer than any input."""
    return Mismatch(f"a text of at most {LONGEST_TEXT} characters", "a longer one")


def refuse(expected: str, value: JsonValue, position: int) -> Never:
    """Raise what is wrong with the argument at a position, from 0."""
    raise Mismatch(f"{expected} as argument {position + 1}", kind_of(value))
