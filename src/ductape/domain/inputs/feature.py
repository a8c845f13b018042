"""A feature's input: a flat object, checked by the feature's own schema (SPEC 9)."""

from ductape.domain.inputs.schema import check_fields, rules_of
from ductape.domain.jsonvalue import JsonObject
from ductape.errors import Fault


def check_feature(definition: JsonObject, given: JsonObject, *, resolved: bool) -> list[Fault]:
    """Tell everything that is wrong with an input; fields without a rule may be there."""
    rules = rules_of(definition.get("input"))
    return check_fields(given, rules, "input", resolved=resolved)
