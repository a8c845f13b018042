"""One operation as one action (SPEC 9)."""

from typing import cast, get_args

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.format.app import Method
from ductape.importers.apps import Draft
from ductape.importers.documents import Broken, Documents, Node
from ductape.importers.openapi.bodies import Body, body_of
from ductape.importers.openapi.parameters import asked_of, in_query, parameters_of, shape_of
from ductape.importers.openapi.paths import Resource, resource_of
from ductape.importers.openapi.paths import Style as PathStyle
from ductape.importers.openapi.querystring import WHOLE, in_parts
from ductape.importers.openapi.schemas import Schemas
from ductape.importers.openapi.security import Security
from ductape.importers.openapi.servers import Servers
from ductape.importers.openapi.styles import Parameter, path_styles
from ductape.importers.report import Report
from ductape.importers.sealing import escaped, names_secret, scrubbed, without_secrets
from ductape.importers.tags import Tags, secret_name
from ductape.importers.values import LONGEST_NAME, LONGEST_WORDS, a_text, as_written, cut, member

METHODS: frozenset[str] = frozenset(get_args(Method))

_MIXED = "the path has only a part of it: give it whole"


class Site(Struct, frozen=True):
    """Everything that the operations of one document share."""

    documents: Documents
    schemas: Schemas
    security: Security
    servers: Servers
    tags: Tags
    report: Report
    app: str


class Operation(Struct, frozen=True):
    """One operation, and where it stands."""

    method: str
    """In capitals."""
    path: str
    path_item: Node
    node: Node
    place: str


def draft_of(one: Operation, site: Site) -> Draft | str:
    """Return an operation's action, or why it cannot be one."""
    if one.method not in METHODS:
        return f"an action's method is none of {one.method[:20]!r}"
    if not isinstance(one.node.value, dict):
        return "it is no object"
    body = body_of(one.node, site.documents, site.schemas, site.report, one.place)
    if isinstance(body, str):
        return body
    bases = site.servers.bases_of(one.node, one.path_item, site.documents.first)
    if isinstance(bases, Broken):
        return bases.reason
    given = parameters_of(one.path_item, one.node, site.documents, site.report, one.place)
    wholes = [each for each in given if each.where == WHOLE]
    given, others = in_parts(given, site.documents, site.schemas)
    if others:
        reason = f"its query is {others[0]} as a whole, which an action does not send"
        if any(each.value.get("required") is True for each in wholes):
            return reason
        site.report.leave_out(one.place, f"parameter `{wholes[0].name}` in {WHOLE}", reason)
    return Draft(bases, _action(one, site, body or Body(), given))


def _action(one: Operation, site: Site, body: Body, given: list[Parameter]) -> JsonObject:
    report, place = site.report, one.place
    shown = site.security.shown_by(one.node, place)
    sent = site.security.sends(shown)
    parameters = [each for each in given if (each.where, each.called) not in sent]
    resource = resource_of(one.path, _path_styles(parameters, site.schemas))
    parameters = [each for each in parameters if not _is_fixed(each, resource)]
    for name in resource.mixed:
        report.leave_out(place, f"parameter `{name}` in query", _MIXED)
    asked = asked_of(
        in_query(parameters, resource.given, report, place),
        resource.path.replace("$$", "$"),
        site.schemas,
        report,
        place,
    )
    headers: dict[str, JsonValue] = {**shown.headers}
    if body.header is not None:
        headers["Content-Type"] = escaped(body.header)
    rules = {**asked.rules, **({"body": body.rules} if body.rules else {})}
    optional: JsonObject = {
        "auth": shown.auth,
        "headers": headers,
        "query": {**_fixed(resource.query, site), **shown.query},
        "styles": {**asked.styles, **(body.styles or {})},
        "reserved": [*asked.reserved, *body.reserved],
        "part_types": {**(body.part_types or {})},
        "request": cast("JsonObject", rules),
    }
    action: JsonObject = {"tag": _tag(one, site), "method": one.method, "resource": resource.path}
    action |= _words(one.node.value)
    if body.content_type != "json":
        action["content_type"] = body.content_type
    if body.required:
        action["body_required"] = True
    return action | {name: value for name, value in optional.items() if value}


def _tag(one: Operation, site: Site) -> str:
    """Return a tag: the operation's id, else its method and path."""
    path = without_secrets(one.path).replace("{", "").replace("}", "")
    return site.tags.give(
        as_written(member(one.node.value, "operationId")), f"{one.method.lower()}-{path}"
    )


def _path_styles(parameters: list[Parameter], schemas: Schemas) -> dict[str, PathStyle]:
    return {
        one.name: path_styles(one, shape_of(one, schemas))[0]
        for one in parameters
        if one.where == "path"
    }


def _is_fixed(one: Parameter, resource: Resource) -> bool:
    """Tell whether the path's own words are a parameter's value: its rule is of no use then."""
    return one.where == "query" and one.name in resource.query


def _fixed(query: JsonObject, site: Site) -> JsonObject:
    """Return what the path itself has as its query, credentials apart."""
    return {
        name: site.report.need(secret_name(site.app, name), f"`{name}` in a path's query")
        if names_secret(name)
        else escaped(a_text(value))
        for name, value in query.items()
    }


def _words(operation: JsonValue) -> JsonObject:
    """Return what people read of an operation; that it is deprecated comes first."""
    summary = cut(scrubbed(a_text(member(operation, "summary"))), LONGEST_NAME)
    text = scrubbed(a_text(member(operation, "description")))
    if member(operation, "deprecated") is True:
        text = f"Deprecated. {text}"
    words: JsonObject = {"name": summary, "description": cut(text, LONGEST_WORDS)}
    return {name: value for name, value in words.items() if value}
