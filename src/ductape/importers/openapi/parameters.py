"""The parameters of an operation: those of its path beside its own, its own winning."""

from collections.abc import Mapping

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.web import header_faults, param_names
from ductape.importers.documents import Broken, Documents, Node
from ductape.importers.openapi.paths import plain_name
from ductape.importers.openapi.schemas import Schemas
from ductape.importers.openapi.shapes import ANYTHING, Shape
from ductape.importers.report import Report
from ductape.importers.values import a_list, a_text, an_object, member

_IGNORED = frozenset({"accept", "authorization", "content-type"})
"""Headers that OpenAPI itself says are not to be read."""

_GIVEN = frozenset({"idempotency-key", "user-agent"})
"""Headers that every action sends by itself."""

_PARTS = {"path": "params", "query": "query", "header": "headers"}
_LISTS: Mapping[tuple[str, bool], str] = {
    ("form", False): "comma",
    ("spaceDelimited", False): "space",
    ("pipeDelimited", False): "pipe",
}
"""How lists that do not repeat their name are joined; the others do."""


class Parameter(Struct, frozen=True):
    """One parameter, its references followed."""

    name: str
    where: str
    value: JsonObject
    home: str

    @property
    def style(self) -> str:
        """How it is written."""
        given = a_text(self.value.get("style"))
        return given or ("form" if self.where in ("query", "cookie") else "simple")

    @property
    def explodes(self) -> bool:
        """Whether its parts are written one by one."""
        given = self.value.get("explode")
        return given if isinstance(given, bool) else self.style in ("form", "deepObject")


class Asked(Struct, frozen=True):
    """What an action's request says of its parameters."""

    rules: dict[str, dict[str, JsonValue]]
    """Part → field → rule."""
    styles: dict[str, JsonValue]
    """`query:name` → style."""


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
    asked = Asked({}, {})
    in_path = set(param_names(resource))
    for one in parameters:
        reason = _unusable(one, in_path)
        if reason is not None:
            report.leave_out(place, f"parameter `{one.name}` in {one.where}", reason)
            continue
        shape = _shape(one, schemas)
        part, told = _PARTS[one.where], f"parameter `{one.name}` in {one.where}"
        if one.where == "query":
            _write_style(one, shape, asked, report, place)
        elif shape.types and shape.types & {"array", "object"}:
            report.leave_out(place, told, "its parts are given as one text, joined by commas")
            shape = Shape(types=frozenset({"string"}), nullable=shape.nullable)
        required = one.where == "path" or _is_asked(one)
        rule = schemas.rule(shape, required=required)
        if rule is not None:
            asked.rules.setdefault(part, {})[one.name] = rule
        elif required and one.where != "path":
            report.leave_out(place, told, "its type is open, so that it is not checked")
    return asked


def _is_asked(one: Parameter) -> bool:
    """Tell whether the caller must give a parameter: some headers every request has."""
    ours = one.where == "header" and one.name.lower() in _GIVEN
    return one.value.get("required") is True and not ours


def _unusable(one: Parameter, in_path: set[str]) -> str | None:
    match one.where:
        case "path" if one.name not in in_path:
            return "the path does not name it"
        case "header" if one.name.lower() in _IGNORED:
            return "OpenAPI leaves this header to the body and the auth"
        case "header" if header_faults({one.name: ""}, ""):
            return "no request may set this header"
        case "cookie":
            return "give it in the header `Cookie`"
        case "path" | "query" | "header":
            return None
        case _:
            return f"there are no parameters in {one.where[:40]!r}"


def _shape(one: Parameter, schemas: Schemas) -> Shape:
    schema = one.value.get("schema")
    if schema is None:
        media = next(iter(an_object(one.value.get("content")).values()), None)
        schema = member(media, "schema")
    return ANYTHING if schema is None else schemas.shape(Node(schema, one.home))


def _write_style(one: Parameter, shape: Shape, asked: Asked, report: Report, place: str) -> None:
    told = f"parameter `{one.name}` in query"
    if one.value.get("allowReserved") is True:
        report.leave_out(place, told, "reserved signs in it are percent-encoded all the same")
    if one.value.get("content") is not None:
        asked.styles[f"query:{one.name}"] = "json"
        return
    joint = _LISTS.get((one.style, one.explodes))
    several = shape.types is None or bool(shape.types & {"array", "object"})
    if one.style == "deepObject":
        asked.styles[f"query:{one.name}"] = "brackets"
    elif one.style == "form" and one.explodes and shape.is_only("object"):
        asked.styles[f"query:{one.name}"] = "spread"
    elif joint is not None and several:
        asked.styles[f"query:{one.name}"] = joint
        if shape.types is None or "object" in shape.types:
            report.leave_out(place, told, "an object in it is given as one text")
    elif one.style not in ("form", "spaceDelimited", "pipeDelimited"):
        report.leave_out(place, told, f"no query is written in the style {one.style[:40]!r}")
