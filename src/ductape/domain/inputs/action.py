"""The input of an app's action, checked against its resource and request schema (SPEC 9)."""

from collections.abc import Mapping
from typing import cast

from ductape.domain.found import kind_of
from ductape.domain.http.multipart import CONTENT, is_file
from ductape.domain.http.parts import A_FILE, AS_A_FORM, header_faults, param_faults, param_names
from ductape.domain.http.styled import style_faults, styled_headers
from ductape.domain.inputs.files import file_faults, multipart_faults, of_no_file
from ductape.domain.inputs.parts import RequestParts, gather_parts, read_parts
from ductape.domain.inputs.pending import pending
from ductape.domain.inputs.schema import Rules, check_fields, read_rules
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.pairs import Styles
from ductape.errors import Fault, fault

ActionInput = RequestParts
"""An action takes the parts of one HTTP request and nothing else."""

read_action_input = read_parts


def check_action(definition: JsonObject, given: JsonObject, *, resolved: bool) -> list[Fault]:
    """Tell everything that is wrong with an action's input.

    `definition` is an `ActionTarget` as JSON, its references perhaps unresolved.
    """
    parts, faults = gather_parts(given, "input", resolved=resolved)
    awaited = {name for name, part in given.items() if pending(part, resolved=resolved)}
    rules = _rules(definition)
    if "params" not in awaited:
        faults += _params(definition, parts, rules.get("params", {}), resolved=resolved)
    if "query" not in awaited:
        query = _with_defaults(definition, "query", parts.query)
        faults += check_fields(query, rules.get("query", {}), "input.query", resolved=resolved)
    if "headers" not in awaited:
        faults += _headers(definition, parts, rules.get("headers", {}), resolved=resolved)
    if "body" not in awaited:
        faults += _body(definition, parts, rules.get("body", {}), resolved=resolved)
    return faults


def merged_body(default: JsonValue, given: JsonValue) -> JsonValue:
    """Return the body to send: the definition's fields, the caller's winning.

    >>> merged_body({"source": "shop", "id": 1}, {"id": 2}), merged_body({"id": 1}, None)
    ({'source': 'shop', 'id': 2}, {'id': 1})

    A caller's file takes the place of the definition's, whichever name its content has.

    >>> merged_body({"buffer": "YQ==", "fileName": "a"}, {"blob": "Yg=="})
    {'fileName': 'a', 'blob': 'Yg=='}
    """
    if isinstance(default, dict) and isinstance(given, dict):
        if is_file(given):
            default = {name: value for name, value in default.items() if name not in CONTENT}
        return default | given
    return default if given is None else given


def _rules(definition: JsonObject) -> Mapping[str, Rules]:
    schema = definition.get("request")
    return read_rules(schema) if isinstance(schema, dict) else {}


def _params(
    definition: JsonObject, parts: RequestParts, rules: Rules, *, resolved: bool
) -> list[Fault]:
    resource = definition.get("resource")
    params = _own_params(definition) | _with_defaults(definition, "params", parts.params)
    faults: list[Fault] = []
    if isinstance(resource, str) and ":" in resource:
        settled = {
            name: "pending" if pending(value, resolved=resolved) else value
            for name, value in params.items()
        }
        faults += param_faults(resource, settled, styles=_styles(definition))
        named = set(param_names(resource))
        rules = {name: rule for name, rule in rules.items() if not _told(name, named, params)}
    return faults + check_fields(params, rules, "input.params", resolved=resolved)


def _own_params(definition: JsonObject) -> JsonObject:
    """Return a value for each part of the path of which every run has one of its own."""
    places = cast("list[str]", definition.get("unique") or [])
    names = (place.partition(":") for place in places)
    return {name: "pending" for part, _, name in names if part == "params"}


def _told(name: str, named: set[str], params: JsonObject) -> bool:
    """Tell whether the path itself has already complained about a missing parameter."""
    return name in named and params.get(name) is None


def _headers(
    definition: JsonObject, parts: RequestParts, rules: Rules, *, resolved: bool
) -> list[Fault]:
    styles = _styles(definition)
    faults = header_faults(styled_headers(parts.headers, styles), "input.headers")
    faults += style_faults(parts.headers, styles, "input.headers")
    headers = _with_defaults(definition, "headers", parts.headers)
    # Header names have no case: the schema's spelling finds the caller's.
    spelt = {name.lower(): name for name in rules}
    respelt = {spelt.get(name.lower(), name): value for name, value in headers.items()}
    return faults + check_fields(respelt, rules, "input.headers", resolved=resolved)


def _body(
    definition: JsonObject, parts: RequestParts, rules: Rules, *, resolved: bool
) -> list[Fault]:
    body = merged_body(definition.get("body"), parts.body)
    if body is None and definition.get("body_required") is True:
        return [fault("input.body", "a body", "nothing")]
    if definition.get("content_type") == "file":
        return _file(body, resolved=resolved)
    form = definition.get("content_type") in ("form", "multipart")
    if not (rules or form) or pending(body, resolved=resolved):
        return []
    if body is None:
        body = {}
    if not isinstance(body, dict):
        return [fault("input.body", AS_A_FORM if form else "an object", kind_of(body))]
    if definition.get("content_type") != "multipart":
        return check_fields(body, rules, "input.body", resolved=resolved)
    faults = check_fields(body, of_no_file(rules, body), "input.body", resolved=resolved)
    return faults + multipart_faults(body, "input.body", _styles(definition), resolved=resolved)


def _styles(definition: JsonObject) -> Styles:
    return cast("Styles", definition.get("styles") or {})


def _file(body: JsonValue, *, resolved: bool) -> list[Fault]:
    if body is None or pending(body, resolved=resolved):
        return []
    if not isinstance(body, dict) or not is_file(body):
        return [fault("input.body", A_FILE, kind_of(body))]
    return file_faults(body, "input.body", resolved=resolved)


def _with_defaults(definition: JsonObject, name: str, given: JsonObject) -> JsonObject:
    default = definition.get(name)
    return default | given if isinstance(default, dict) else given
