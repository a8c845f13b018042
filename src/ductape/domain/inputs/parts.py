"""Reading `{query, params, body, headers}`, nested or flat as `"body:id"` (SPEC 9).

Both forms may be mixed as long as no value is given twice. Paths of faults are those of the
nested form, `input.body.id`, except where a flat key itself is at fault.
"""

from msgspec import Struct, field

from ductape.domain.found import kind_of, path_to
from ductape.domain.inputs.pending import pending
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.nearest import hint_for
from ductape.errors import Fault, ValidationError, fault

PARTS = ("query", "params", "body", "headers")


class RequestParts(Struct, frozen=True, omit_defaults=True):
    """What a caller gives for one HTTP request."""

    query: JsonObject = field(default_factory=dict[str, JsonValue])
    params: JsonObject = field(default_factory=dict[str, JsonValue])
    body: JsonValue = None
    headers: JsonObject = field(default_factory=dict[str, JsonValue])


def read_parts(value: JsonObject, path: str = "input") -> RequestParts:
    """Return the parts of a request; raises `ValidationError` with every fault of their form."""
    parts, faults = gather_parts(value, path, resolved=True)
    if faults:
        raise ValidationError(faults)
    return parts


def gather_parts(
    value: JsonObject, path: str, *, resolved: bool
) -> tuple[RequestParts, list[Fault]]:
    """Return the parts as far as they can be read, and what is wrong with the rest.

    A part that is still a reference is left out: it is judged once it is resolved.
    """
    parts: JsonObject = {}
    faults: list[Fault] = []
    for key, member in value.items():
        if key in PARTS:
            faults += _nested(parts, key, member, path, resolved=resolved)
    for key, member in value.items():
        if key not in PARTS:
            faults += _flat(parts, key, member, path)
    return _as_parts(parts), faults


def _nested(
    parts: JsonObject, name: str, member: JsonValue, path: str, *, resolved: bool
) -> list[Fault]:
    if member is None or pending(member, resolved=resolved):
        return []
    if name != "body" and not isinstance(member, dict):
        return [fault(f"{path}.{name}", "an object", kind_of(member))]
    parts[name] = dict(member) if isinstance(member, dict) else member
    return []


def _flat(parts: JsonObject, key: str, member: JsonValue, path: str) -> list[Fault]:
    name, colon, inner = key.partition(":")
    where = path_to(path, key)
    if name not in PARTS or not inner:
        known = [f"{part}:{inner}" if colon and inner else part for part in PARTS]
        wanted = "query, params, body, headers or a flat key such as body:id"
        return [fault(where, wanted, "an unknown key", hint=hint_for(key, known, {}))]
    part = parts.setdefault(name, {})
    if not isinstance(part, dict):
        return [fault(where, f"no flat key beside a {name} that is no object", kind_of(part))]
    if inner in part:
        return [fault(where, "each value once", f"{name}.{inner} given nested and flat")]
    part[inner] = member
    return []


def _as_parts(parts: JsonObject) -> RequestParts:
    return RequestParts(
        query=_object(parts, "query"),
        params=_object(parts, "params"),
        body=parts.get("body"),
        headers=_object(parts, "headers"),
    )


def _object(parts: JsonObject, name: str) -> JsonObject:
    part = parts.get(name)
    return part if isinstance(part, dict) else {}
