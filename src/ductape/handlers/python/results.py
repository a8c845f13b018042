"""What a Python function returns, as JSON (SPEC 8, 9 and 19).

Dataclasses and Structs become JSON; whatever JSON cannot carry unchanged is refused at its path,
never bent.
"""

from dataclasses import fields, is_dataclass
from typing import cast

import msgspec

from ductape.domain.jsonlimits import DEFAULT, plain_object
from ductape.domain.jsonvalue import JsonValue
from ductape.errors import ResultTooLarge, ValidationError

UNMEASURED_BYTES = 2**40
"""No bound: the size has an error of its own."""

LONGEST_RESULT = 64 * 1_048_576
"""Bytes of JSON that a function may return at all; what is kept where is for the worker to say."""


def json_result(
    value: object, *, most_bytes: int = DEFAULT.input_bytes, name: str = "result"
) -> JsonValue:
    """Return a result as JSON, sharing nothing with what a function may change afterwards.

    >>> json_result({"ids": (1, 2)})
    {'ids': [1, 2]}

    Raises `ValidationError` naming each place that is no JSON, `ResultTooLarge` beyond
    `most_bytes` encoded.
    """
    if value is None or isinstance(value, bool):
        return value
    built = {name: _built(value, 0)}
    plain = plain_object(built, "", max_bytes=UNMEASURED_BYTES, nesting=DEFAULT.nesting + 1)
    if isinstance(plain, list):
        raise ValidationError(plain)
    size = len(msgspec.json.encode(plain[name]))
    if size > most_bytes:
        raise ResultTooLarge(f"the {name} has {size} bytes as JSON, {most_bytes} are allowed")
    return plain[name]


def _built(value: object, depth: int) -> object:
    """Replace dataclasses and Structs by objects, tuples by lists; leave the rest to the check."""
    if depth > DEFAULT.nesting:
        return value
    match value:
        case list() | tuple():
            return [_built(member, depth + 1) for member in cast("list[object]", value)]
        case dict():
            members = cast("dict[object, object]", value)
        case msgspec.Struct():
            names = msgspec.structs.fields(value)
            members = {one.encode_name: getattr(value, one.name) for one in names}
        case _ if is_dataclass(value) and not isinstance(value, type):
            members = {one.name: getattr(value, one.name) for one in fields(value)}
        case _:
            return value
    return {key: _built(member, depth + 1) for key, member in members.items()}
