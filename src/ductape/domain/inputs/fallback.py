"""The input of a fallback, checked by its schema (SPEC 9)."""

from typing import cast

import msgspec

from ductape.domain.inputs.schema import Rules, check_fields
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import Fault


def check_fallback(definition: JsonObject, given: JsonObject, *, resolved: bool) -> list[Fault]:
    """Tell everything that is wrong with the fields of the schema; others may be there.

    A field of the schema must be given unless its rule says `required: false`.
    """
    schema = cast("dict[str, JsonObject]", definition.get("input") or {})
    asked: dict[str, dict[str, JsonValue]] = {
        name: {"required": True, **rule} for name, rule in schema.items()
    }
    return check_fields(given, msgspec.convert(asked, Rules), "input", resolved=resolved)
