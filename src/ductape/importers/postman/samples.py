"""Sample bodies of JSON as people write them: with comments, and variables outside of quotes."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from msgspec import Struct

from ductape.domain.jsonvalue import JsonValue
from ductape.importers.postman.scopes import NAMED

if TYPE_CHECKING:
    Sample: TypeAlias = (
        "Bare | str | int | float | bool | Sequence[Sample] | Mapping[str, Sample] | None"
    )
else:
    Sample = Any

_DEEPEST = 60
_TOKEN = re.compile(
    r"""
    "[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)     # a text, perhaps one that nothing ends
    | (?P<comment>//[^\r\n]*|/\*.*?(?:\*/|\Z))
    | \{\{(?P<name>[^{}]{1,200})\}\}
    | NaN | Infinity
    """,
    re.VERBOSE | re.DOTALL,
)
"""What counts outside of a text. Each alternative takes what it has begun with, so that no text is
looked through twice."""

_STAND_IN = "NaN"
"""Stands for a variable while the text is read: JSON has no such number."""


class Bare(Struct, frozen=True):
    """A variable outside of quotes: whatever it holds, Postman puts it there as it is."""

    name: str


def sample_of(text: str) -> Sample:
    """Return the value of a JSON text with variables in it; null where it is none.

    >>> sample_of('{"id": {{id}}, "name": "{{name}}"}')
    {'id': Bare(name='id'), 'name': '{{name}}'}
    """
    variables: list[str] = []

    def stand_in(match: re.Match[str]) -> str:
        if match["name"] is not None:
            variables.append(match["name"].strip())
            return _STAND_IN
        if match["comment"] is not None:
            return " "
        return match[0] if match[0].startswith('"') else "?"

    text = _TOKEN.sub(stand_in, text)
    waiting = iter(variables)
    try:
        # The reader asks for each `NaN` in the order of the text.
        value = cast("Sample", json.loads(text, parse_constant=lambda _: Bare(next(waiting))))
    except (ValueError, RecursionError):
        return None
    return value if _bounded(value) else None


def without_comments(text: str) -> str:
    """Return a text without its comments, as Postman sends one that is said to be JSON.

    >>> without_comments('{"a": "//" /* b */} // c')
    '{"a": "//" } '
    """
    return _TOKEN.sub(lambda match: match[0] if match["comment"] is None else "", text)


class Json(Struct, frozen=True):
    """A value that was read: it may be null."""

    value: JsonValue


def json_of(text: str) -> Json | None:
    """Return the value of a JSON text; none where it is no JSON.

    >>> json_of("[1]"), json_of("null"), json_of("a")
    (Json(value=[1]), Json(value=None), None)
    """
    value = sample_of(text)
    if value is None and text.strip() != "null":
        return None
    alone = next(bare_in(value), None) is None
    return Json(cast("JsonValue", value)) if alone else None


def bare_in(value: Sample) -> Iterator[str]:
    """Yield the names of the variables outside of quotes."""
    for part, _ in _parts(value):
        if isinstance(part, Bare):
            yield part.name


def named_in(value: Sample) -> Iterator[str]:
    """Yield the names of all variables, in texts too."""
    for part, _ in _parts(value):
        if isinstance(part, Bare):
            yield part.name
        elif isinstance(part, str):
            yield from (name.strip() for name in NAMED.findall(part))


def names_in(value: Sample) -> Iterator[str]:
    """Yield the names of all members, however deep."""
    for part, _ in _parts(value):
        if isinstance(part, dict):
            yield from part


def put(members: dict[str, Sample], name: str, value: Sample) -> None:
    """Add a value; what stands there already becomes a list with it."""
    if name not in members:
        members[name] = value
        return
    known = members[name]
    if isinstance(known, list):
        known.append(value)
    else:
        members[name] = [known, value]


def _bounded(value: Sample) -> bool:
    """Tell whether a value is of bounded depth, and has no number that JSON would lose."""
    for part, depth in _parts(value):
        if isinstance(part, (dict, list)) and depth > _DEEPEST:
            return False
        if isinstance(part, int) and not -(2**63) <= part < 2**64:
            return False
        if isinstance(part, float) and part in (float("inf"), float("-inf")):
            return False
    return True


def _parts(value: Sample) -> Iterator[tuple[Sample, int]]:
    """Yield a value and all that is inside of it, each with its depth."""
    waiting: list[tuple[Sample, int]] = [(value, 1)]
    while waiting:
        part, depth = waiting.pop()
        yield part, depth
        if isinstance(part, dict):
            waiting += [(one, depth + 1) for one in part.values()]
        elif isinstance(part, list):
            waiting += [(one, depth + 1) for one in part]
