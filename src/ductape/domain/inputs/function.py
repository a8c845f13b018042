"""The input of a function: `{payload}`, checked against the definition's own schema (SPEC 9)."""

from ductape.domain.found import kind_of
from ductape.domain.inputs.channels import unknown_keys
from ductape.domain.inputs.pending import pending
from ductape.domain.inputs.schema import check_fields, rules_of
from ductape.domain.jsonvalue import JsonObject
from ductape.errors import Fault, fault

AS_A_QUERY = "an object, to be sent as a query"


def check_function(definition: JsonObject, given: JsonObject, *, resolved: bool) -> list[Fault]:
    """Tell everything that is wrong with a function's input.

    `definition` is a `FunctionTarget` as JSON, or what a Python handler has of it.
    """
    faults = unknown_keys(given, ("payload",), "input")
    rules, payload = rules_of(definition.get("input")), given.get("payload")
    by_query = definition.get("method") == "GET"
    if not (rules or by_query) or pending(payload, resolved=resolved):
        return faults
    if payload is None:
        payload = {}
    if not isinstance(payload, dict):
        return [
            *faults,
            fault("input.payload", AS_A_QUERY if by_query else "an object", kind_of(payload)),
        ]
    return faults + check_fields(payload, rules, "input.payload", resolved=resolved)
