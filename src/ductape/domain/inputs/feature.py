"""A feature's input: a flat object, checked by the feature's own schema (SPEC 9)."""

import msgspec

from ductape.domain.inputs.schema import Rules, check_fields
from ductape.domain.jsonvalue import JsonObject
from ductape.errors import Fault


def check_feature(definition: JsonObject, given: JsonObject, *, resolved: bool) -> list[Fault]:
    """Tell everything that is wrong with an input; fields without a rule may be there."""
    rules = msgspec.convert(definition.get("input", {}), Rules)
    return check_fields(given, rules, "input", resolved=resolved)
