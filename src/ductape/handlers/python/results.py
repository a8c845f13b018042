"""What a Python function takes and returns, as JSON (SPEC 8, 9 and 19).

The input becomes the dataclass, Struct or TypedDict that the function asks for. The result is
JSON, or dataclasses and Structs that become JSON; whatever JSON cannot carry unchanged is refused
at its path, never bent.
"""

import re
from dataclasses import fields, is_dataclass
from typing import cast, get_origin, get_type_hints, is_typeddict

import msgspec
from msgspec.inspect import DataclassType, Field, StructType, TypedDictType, type_info

from ductape.domain.found import path_to
from ductape.domain.jsonlimits import DEFAULT, plain_object
from ductape.domain.jsonvalue import JsonValue
from ductape.errors import Fault, ResultTooLarge, ValidationError, fault

_EXPECTED = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_UNMEASURED_BYTES = 2**40
"""No bound: the size has an error of its own."""


def typed_input(given: JsonValue, wanted: object, path: str) -> object:
    """Return the input as the class of fields that the function wants.

    Raises `ValidationError` with every field that does not fit.
    """
    try:
        return msgspec.convert(given, cast("type[object]", wanted))
    except msgspec.ValidationError as error:
        raise ValidationError(_field_faults(given, wanted, path, error)) from error


def json_result(value: object, *, most_bytes: int = DEFAULT.input_bytes) -> JsonValue:
    """Return a result as JSON.

    >>> json_result({"ids": (1, 2)})
    {'ids': [1, 2]}

    Raises `ValidationError` naming each place that is no JSON, `ResultTooLarge` beyond
    `most_bytes` encoded.
    """
    if value is None or isinstance(value, bool):
        return value
    built = {"result": _built(value, 0)}
    plain = plain_object(built, "", max_bytes=_UNMEASURED_BYTES, nesting=DEFAULT.nesting + 1)
    if isinstance(plain, list):
        raise ValidationError(plain)
    size = len(msgspec.json.encode(plain["result"]))
    if size > most_bytes:
        raise ResultTooLarge(f"the result has {size} bytes as JSON, {most_bytes} are allowed")
    return plain["result"]


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


def has_fields(wanted: object) -> bool:
    """Tell a dataclass, Struct or TypedDict: an input becomes one; anything else stays JSON."""
    origin = cast("object", get_origin(wanted)) or wanted
    if not isinstance(origin, type):
        return False
    kind = cast("type[object]", origin)
    return issubclass(kind, msgspec.Struct) or is_dataclass(kind) or is_typeddict(kind)


def _field_faults(
    given: JsonValue, wanted: object, path: str, error: msgspec.ValidationError
) -> list[Fault]:
    """Try each field alone, since the conversion tells the first fault only."""
    found: list[Fault | None] = []
    if isinstance(given, dict):
        hints = get_type_hints(wanted)
        for field in _fields(wanted):
            place = path_to(path, field.encode_name)
            if field.encode_name in given:
                found.append(_field_fault(given[field.encode_name], hints[field.name], place))
            elif field.required:
                found.append(fault(place, "a value", "nothing"))
    return [one for one in found if one is not None] or [_told(error, path)]


def _fields(wanted: object) -> tuple[Field, ...]:
    match type_info(wanted):
        case StructType(fields=found) | DataclassType(fields=found) | TypedDictType(fields=found):
            return found
        case _:
            return ()


def _field_fault(value: JsonValue, hint: object, path: str) -> Fault | None:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        return _told(error, path)
    return None


def _told(error: msgspec.ValidationError, path: str) -> Fault:
    """Turn `Expected `int`, got `str` - at `$.a`` into a fault at the path below ours."""
    sentence, _, place = str(error).partition(" - at `$")
    told = _EXPECTED.fullmatch(sentence)
    expected, found = (told[1], told[2]) if told else ("a value that fits", sentence)
    return fault(path + place.removesuffix("`"), expected, found)
