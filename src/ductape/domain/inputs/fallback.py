"""The input of a fallback, checked by its schema (SPEC 9)."""

from ductape.domain.inputs.schema import check_fields, rules_of
from ductape.domain.jsonvalue import JsonObject
from ductape.errors import Fault


def check_fallback(definition: JsonObject, given: JsonObject, *, resolved: bool) -> list[Fault]:
    """Tell everything that is wrong with the fields of the schema; others may be there."""
    return check_fields(given, rules_of(definition.get("input")), "input", resolved=resolved)
