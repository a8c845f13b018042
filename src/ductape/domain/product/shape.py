"""Comparing a document with the structs that are its format, telling every fault at once.

The decoder stops at the first fault. This walk goes on: it mends what it refuses, with stand-ins
that nobody will see, so that the rules can judge all the rest in the same go.
"""

import re
from collections.abc import Iterable
from copy import copy
from functools import cache
from itertools import islice, takewhile
from typing import TypeVar, cast

import msgspec
from msgspec import Struct, inspect

from ductape.domain.found import kind_of, listed, path_to, shown
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.nearest import hint_for
from ductape.errors import Fault, fault

T = TypeVar("T", bound=Struct)

MOST_FAULTS = 100
"""No reader gains by more, and a hostile document could have millions."""


def fitted(kind: type[T], document: JsonObject, faults: list[Fault]) -> T:
    """Make the struct of a document; where that takes mending, the faults say so.

    It gives up at `MOST_FAULTS`: what follows is left out then.
    """
    return msgspec.convert(_read(_type_of(kind), document, "", faults), kind)


@cache
def _type_of(kind: type[Struct]) -> inspect.Type:
    return inspect.type_info(kind)


def _read(kind: inspect.Type, value: JsonValue, path: str, faults: list[Fault]) -> JsonValue:
    """Return the value if it fits its type, else a stand-in and a fault."""
    match kind:
        case inspect.AnyType():
            return value
        case inspect.StructType():
            return _read_struct(kind, value, path, faults)
        case inspect.VarTupleType(item_type=item):
            return _read_list(item, value, path, faults)
        case inspect.DictType(value_type=member):
            return _read_map(member, value, path, faults)
        case inspect.UnionType(types=types):
            return None if value is None else _read(_beside_none(types), value, path, faults)
        case _:
            return _read_scalar(kind, value, path, faults)


def _read_struct(
    kind: inspect.StructType, value: JsonValue, path: str, faults: list[Fault]
) -> JsonValue:
    if not isinstance(value, dict):
        faults.append(fault(path, "an object", kind_of(value)))
        return _stand_in(kind)
    known = {field.encode_name: field for field in kind.fields}
    strangers = (_stranger(kind, key, path) for key in value if key not in known)
    faults += islice(strangers, MOST_FAULTS)
    return {
        name: _read_field(field, value, path_to(path, name), faults)
        for name, field in known.items()
        if name in value or field.required
    }


def _read_field(
    field: inspect.Field, members: JsonObject, path: str, faults: list[Fault]
) -> JsonValue:
    if field.encode_name in members:
        return _read(field.type, members[field.encode_name], path, faults)
    faults.append(fault(path, _expected(field.type), "nothing"))
    return _stand_in(field.type)


def _stranger(kind: inspect.StructType, key: str, path: str) -> Fault:
    hint = hint_for(key, [field.encode_name for field in kind.fields], {})
    return fault(path_to(path, key), "a known key", "an unknown one", hint=hint)


def _read_list(item: inspect.Type, value: JsonValue, path: str, faults: list[Fault]) -> JsonValue:
    if not isinstance(value, list):
        faults.append(fault(path, "a list", kind_of(value)))
        return []
    parts = takewhile(lambda _: len(faults) < MOST_FAULTS, enumerate(value))
    return [_read(item, part, path_to(path, at), faults) for at, part in parts]


def _read_map(member: inspect.Type, value: JsonValue, path: str, faults: list[Fault]) -> JsonValue:
    if not isinstance(value, dict):
        faults.append(fault(path, "an object", kind_of(value)))
        return {}
    parts = takewhile(lambda _: len(faults) < MOST_FAULTS, value.items())
    return {name: _read(member, part, path_to(path, name), faults) for name, part in parts}


def _read_scalar(kind: inspect.Type, value: JsonValue, path: str, faults: list[Fault]) -> JsonValue:
    plain, meta = _described(kind)
    if _fits(plain, value):
        return value
    found = kind_of(value) if "masked" in meta else shown(value, path)
    hint = _nearest_choice(plain, value)
    faults.append(fault(path, _expected(kind), found, hint=hint))
    return _stand_in(kind)


def _fits(kind: inspect.Type, value: JsonValue) -> bool:
    match kind:
        case inspect.StrType():
            return isinstance(value, str) and _text_fits(kind, value)
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return type(value) is int and _within(kind, value)
        case inspect.FloatType():
            return type(value) in (int, float) and _within(kind, cast("float", value))
        case inspect.LiteralType(values=values):
            return isinstance(value, str) and value in values
        case _:
            raise TypeError(f"a document has no fields of type {kind}")


def _text_fits(kind: inspect.StrType, text: str) -> bool:
    longest = len(text) if kind.max_length is None else kind.max_length
    if not (kind.min_length or 0) <= len(text) <= longest:
        return False
    return kind.pattern is None or re.search(kind.pattern, text) is not None


def _within(kind: inspect.IntType | inspect.FloatType, number: float) -> bool:
    above = kind.ge is None or number >= kind.ge
    return above and (kind.le is None or number <= kind.le)


def _expected(kind: inspect.Type) -> str:
    plain, meta = _described(kind)
    if "description" in meta:
        return str(meta["description"])
    if isinstance(plain, inspect.LiteralType):
        return f"one of {listed([str(value) for value in plain.values])}"
    return _EXPECTED[type(plain)]


def _nearest_choice(kind: inspect.Type, value: JsonValue) -> str | None:
    if not isinstance(kind, inspect.LiteralType) or not isinstance(value, str):
        return None
    hint = hint_for(value, [str(choice) for choice in kind.values], {})
    return hint if hint.startswith("did you mean") else None


def _described(kind: inspect.Type) -> tuple[inspect.Type, dict[str, object]]:
    """Return a type without its words, and the words."""
    match kind:
        case inspect.Metadata():
            schema = cast("dict[str, object]", kind.extra_json_schema or {})
            return kind.type, schema | cast("dict[str, object]", kind.extra or {})
        case inspect.UnionType(types=types):
            return _described(_beside_none(types))
        case _:
            return kind, {}


def _beside_none(types: Iterable[inspect.Type]) -> inspect.Type:
    return next(kind for kind in types if not isinstance(kind, inspect.NoneType))


def _stand_in(kind: inspect.Type) -> JsonValue:
    plain, _ = _described(kind)
    match plain:
        case inspect.StructType(fields=fields):
            return {field.encode_name: _stand_in(field.type) for field in fields if field.required}
        case inspect.IntType(ge=least):
            return least or 0
        case inspect.LiteralType(values=values):
            return values[0]
        case _:
            return copy(_STAND_INS[type(plain)])


_EXPECTED: dict[type[inspect.Type], str] = {
    inspect.AnyType: "a value",
    inspect.BoolType: "true or false",
    inspect.DictType: "an object",
    inspect.FloatType: "a number",
    inspect.StrType: "a text",
    inspect.StructType: "an object",
    inspect.VarTupleType: "a list",
}

_STAND_INS: dict[type[inspect.Type], JsonValue] = {
    inspect.AnyType: None,
    inspect.BoolType: False,
    inspect.DictType: {},
    inspect.FloatType: 1,
    inspect.StrType: "_",
    inspect.VarTupleType: [],
}
