"""The parameters of an operation: those of its path beside its own, its own winning."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from ductape.domain.http.parts import header_faults, param_names
from ductape.domain.http.styled import is_cookie
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.pairs import Style
from ductape.importers.documents import Broken, Documents, Node
from ductape.importers.openapi.paths import plain_name
from ductape.importers.openapi.schemas import Schemas
from ductape.importers.openapi.shapes import ANYTHING, Shape
from ductape.importers.openapi.styles import (
    Parameter,
    header_style,
    knows_query_style,
    path_styles,
    query_style,
)
from ductape.importers.report import Report
from ductape.importers.values import a_list, a_text, an_object, member

_IGNORED = frozenset({"accept", "authorization", "content-type"})
"""Headers that OpenAPI itself says are not to be read."""

_LEFT_TO = {
    "accept": "OpenAPI leaves this header to the answers: the input may give it",
    "authorization": "OpenAPI leaves this header to the auth: `--auth` names one",
}
_GIVEN = frozenset({"idempotency-key", "user-agent"})
"""Headers that every action sends by itself."""

_PARTS = {"path": "params", "query": "query", "header": "headers", "cookie": "headers"}


class Asked(Struct, frozen=True):
    """What an action's request says of its parameters."""

    rules: dict[str, dict[str, JsonValue]]
    """Part → field → rule."""
    styles: dict[str, JsonValue]
    """`query:name`, `params:name`, `headers:name` → style."""
    reserved: list[JsonValue]
    """`query:name` of what is sent with its reserved signs as they are."""


def parameters_of(
    path_item: Node, operation: Node, documents: Documents, report: Report, place: str
) -> list[Parameter]:
    """Return an operation's parameters; what cannot be read is told."""
    found: dict[tuple[str, str], Parameter] = {}
    for holder in (path_item, operation):
        for given in a_list(member(holder.value, "parameters")):
            node = documents.follow(Node(given, holder.home))
            if isinstance(node, Broken):
                report.leave_out(place, "parameter", node.reason)
                continue
            value = an_object(node.value)
            name, where = a_text(value.get("name")), a_text(value.get("in"))
            if not name or not where:
                report.leave_out(place, "parameter", "it has no name or no place")
                continue
            if where == "path":
                name = plain_name(name)
            found[where, name] = Parameter(name, where, value, node.home)
    return [*found.values()]


def asked_of(
    parameters: list[Parameter], resource: str, schemas: Schemas, report: Report, place: str
) -> Asked:
    """Return the rules for the parameters; what a request cannot hold is told."""
    asked = Asked({}, {}, [])
    in_path = set(param_names(resource))
    headers = {one.name.lower() for one in parameters if one.where == "header"}
    for one in parameters:
        told = f"parameter `{one.name}` in {one.where}"
        reason = _unusable(one, in_path, headers)
        if reason is not None:
            report.leave_out(place, told, reason)
            continue
        shape = shape_of(one, schemas)
        part = _PARTS[one.where]
        if style := _style(one, shape):
            asked.styles[f"{part}:{one.name}"] = style
        if one.where == "query" and one.value.get("allowReserved") is True and not one.has_media:
            asked.reserved.append(f"{part}:{one.name}")
        for lacking in _unwritten(one):
            report.leave_out(place, told, lacking)
        required = one.where == "path" or _is_asked(one)
        rule = schemas.rule(shape, required=required)
        if rule is not None:
            asked.rules.setdefault(part, {})[one.name] = rule
        elif required and one.where != "path":
            report.leave_out(place, told, "its type is open, so that it is not checked")
    return asked


def in_query(
    parameters: list[Parameter], given: Mapping[str, str], report: Report, place: str
) -> list[Parameter]:
    """Return the parameters with those in the query that stand in it by their path's own words."""
    named = {one.name: one for one in parameters if one.where == "path"}
    known = {one.name for one in parameters if one.where == "query"}
    moved: list[Parameter] = []
    for name, of in given.items():
        if of in named and name not in known:
            moved.append(Parameter(name, "query", named[of].value, named[of].home))
            reason = f"it stands in the path's query: give it in the query, as `{name}`"
            report.leave_out(place, f"parameter `{of}` in path", reason)
    gone = {given[one.name] for one in moved}
    return [one for one in parameters if one.where != "path" or one.name not in gone] + moved


def shape_of(one: Parameter, schemas: Schemas) -> Shape:
    """Return what a parameter's value is; nobody knows it of what the caller writes out."""
    if one.written_out:
        return ANYTHING
    schema = one.value.get("schema")
    if schema is None:
        media = next(iter(an_object(one.value.get("content")).values()), None)
        return schemas.of_media(Node(media, one.home))
    return schemas.shape(Node(schema, one.home))


def _style(one: Parameter, shape: Shape) -> Style | None:
    match one.where:
        case "path":
            return path_styles(one, shape)[1]
        case "query":
            return query_style(one, shape)
        case _:
            return header_style(one, shape)


def _unwritten(one: Parameter) -> Iterator[str]:
    """Tell what of a parameter's style no request of ours has."""
    if one.where == "query" and not knows_query_style(one):
        yield f"no query is written in the style {one.style[:40]!r}"
    if one.where == "path" and one.value.get("allowReserved") is True:
        yield "reserved signs in it are percent-encoded all the same"
    if one.where == "cookie" and one.has_media:
        yield "it is given as the text that the cookie has"
    elif one.written_out:
        yield f"it is {one.written_out[:80]}: give it as a text"


def _is_asked(one: Parameter) -> bool:
    """Tell whether the caller must give a parameter.

    Some headers every request has, and cookies can be given all together in `Cookie`.
    """
    ours = one.where == "header" and one.name.lower() in _GIVEN
    return one.value.get("required") is True and not ours and one.where != "cookie"


def _unusable(one: Parameter, in_path: set[str], headers: set[str]) -> str | None:
    match one.where:
        case "path" if one.name not in in_path:
            return "the path does not name it"
        case "header" if one.name.lower() in _IGNORED:
            return _LEFT_TO.get(one.name.lower(), "OpenAPI leaves this header to the body")
        case "header" if header_faults({one.name: ""}, ""):
            return "no request may set this header"
        case "cookie" if one.name.lower() in headers | _IGNORED or not is_cookie(one.name):
            return "give it in the header `Cookie`"
        case "path" | "query" | "header" | "cookie":
            return None
        case _:
            return f"there are no parameters in {one.where[:40]!r}"
