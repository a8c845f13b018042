"""What a Python function takes: the input, checked against the annotation, and made of it (SPEC 8).

Every annotation that JSON can be checked against is: classes of fields (dataclass, Struct,
TypedDict), `list[Line]`, `Line | None`, `dict[str, int]`, `int`. One that names a class which JSON
knows nothing of, as of another library, says nothing here: the input is passed on as it is.
"""

import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from itertools import islice
from types import UnionType
from typing import Union, cast, get_args, get_origin, get_type_hints, is_typeddict

import msgspec
from msgspec.inspect import (
    CustomType,
    DataclassType,
    DictType,
    Field,
    FrozenSetType,
    ListType,
    Metadata,
    SetType,
    StructType,
    TupleType,
    Type,
    TypedDictType,
    VarTupleType,
    type_info,
)
from msgspec.inspect import UnionType as OneOf

from ductape.domain.found import path_to
from ductape.domain.jsonvalue import JsonValue
from ductape.errors import Fault, ValidationError, fault

MOST_FAULTS = 50
"""No reader gains by more."""

_EXPECTED = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_PLACE = re.compile(r"(.*?)(?: - at `(?:key` in `)?\$(.*)`)?", re.DOTALL)


def checked_type(annotation: object) -> object:
    """Return an annotation that inputs are checked against; none for one that says nothing.

    >>> checked_type(list[int]), checked_type(re.Pattern), checked_type(dict[str, object])
    (list[int], None, dict[str, object])
    """
    if annotation is None or _has_fields(annotation):
        return annotation
    try:
        known = _is_of_json(type_info(annotation))
    except (TypeError, NameError, RecursionError):  # Nothing that msgspec can check.
        return None
    return annotation if known else None


def typed_input(given: JsonValue, wanted: object, path: str) -> object:
    """Return the input as what the function wants.

    Raises `ValidationError` with every place that does not fit.
    """
    try:
        return _converted(given, wanted)
    except msgspec.ValidationError as error:
        faults = list(islice(_faults(given, wanted, path), MOST_FAULTS))
        raise ValidationError(faults or [_told(error, path)]) from error


def _converted(given: JsonValue, wanted: object) -> object:
    return msgspec.convert(given, cast("type[object]", wanted), str_keys=True)


def _has_fields(wanted: object) -> bool:
    """Tell a dataclass, Struct or TypedDict."""
    origin = cast("object", get_origin(wanted)) or wanted
    if not isinstance(origin, type):
        return False
    kind = cast("type[object]", origin)
    return issubclass(kind, msgspec.Struct) or is_dataclass(kind) or is_typeddict(kind)


def _is_of_json(info: Type) -> bool:
    """Tell whether all of an annotation can be checked; a class of fields is one that can."""
    if isinstance(info, CustomType):
        return info.cls is object
    return all(map(_is_of_json, _inside(info)))


def _inside(info: Type) -> tuple[Type, ...]:
    match info:
        case ListType(item_type=inner) | SetType(item_type=inner):
            return (inner,)
        case FrozenSetType(item_type=inner) | VarTupleType(item_type=inner) | Metadata(type=inner):
            return (inner,)
        case DictType(key_type=key, value_type=value):
            return (key, value)
        case TupleType(item_types=parts) | OneOf(types=parts):
            return parts
        case _:
            return ()


def _faults(given: JsonValue, wanted: object, path: str) -> Iterator[Fault]:
    """Try each part alone, since the conversion tells the first fault only."""
    try:
        _converted(given, wanted)
    except msgspec.ValidationError as error:
        parts = list(_part_faults(given, wanted, path))
        yield from parts or [_told(error, path)]


def _part_faults(given: JsonValue, wanted: object, path: str) -> Iterator[Fault]:
    wanted = _only_one(wanted)
    inner = get_args(wanted)
    if isinstance(given, dict) and _has_fields(wanted):
        yield from _field_faults(given, wanted, path)
    elif isinstance(given, dict) and get_origin(wanted) is dict:
        for name, value in given.items():
            yield from _faults(value, inner[1], path_to(path, name))
    elif isinstance(given, list) and get_origin(wanted) is list:
        for at, value in enumerate(given):
            yield from _faults(value, inner[0], f"{path}[{at}]")


def _only_one(wanted: object) -> object:
    """Return what `X | None` is of; of what else, itself."""
    if get_origin(wanted) not in (Union, UnionType):
        return wanted
    left = [one for one in get_args(wanted) if one is not type(None)]
    return left[0] if len(left) == 1 else wanted


def _field_faults(given: dict[str, JsonValue], wanted: object, path: str) -> Iterator[Fault]:
    hints = get_type_hints(get_origin(wanted) or wanted, include_extras=True)
    for field in _fields(wanted):
        place = path_to(path, field.encode_name)
        if field.encode_name in given:
            yield from _faults(given[field.encode_name], hints[field.name], place)
        elif field.required:
            yield fault(place, "a value", "nothing")


def _fields(wanted: object) -> tuple[Field, ...]:
    match type_info(wanted):
        case StructType(fields=found) | DataclassType(fields=found) | TypedDictType(fields=found):
            return found
        case _:
            return ()


def _told(error: msgspec.ValidationError, path: str) -> Fault:
    """Turn `Expected `int`, got `str` - at `$.a`` into a fault at the path below ours."""
    parted = _PLACE.fullmatch(str(error))
    sentence, place = (parted[1], parted[2] or "") if parted else (str(error), "")
    told = _EXPECTED.fullmatch(sentence)
    expected, found = (told[1], told[2]) if told else ("a value that fits", sentence)
    return fault(path + place, expected, found)
