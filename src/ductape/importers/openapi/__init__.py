"""OpenAPI 3.0, 3.1 and 3.2: every operation an action, every security scheme an auth (SPEC 13).

Pure: the documents are read already. Whatever cannot be imported is in the report.
"""

import re
from collections.abc import Iterator

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import ValidationError, invalid
from ductape.importers.apps import About, Draft, apps_of, tell_auths
from ductape.importers.documents import Broken, Documents, Node, pointer_to, reference_of
from ductape.importers.openapi.operations import METHODS, Operation, Site, draft_of
from ductape.importers.openapi.schemas import Schemas
from ductape.importers.openapi.security import Security
from ductape.importers.openapi.servers import Servers
from ductape.importers.options import Options
from ductape.importers.report import Kind, Report
from ductape.importers.sealing import scrubbed, without_secrets
from ductape.importers.tags import Tags
from ductape.importers.values import a_text, an_object, as_written, member

__all__ = ["openapi_apps", "openapi_format"]

_KEYS = frozenset({*(method.lower() for method in METHODS), "trace"})
_FURTHER = "additionalOperations"
"""Where a path has operations of other methods, by the methods' names."""
_VERSION = re.compile(r"3\.[012](?:\.\d{1,4})?(?:-[\w.-]{1,20})?")
_NO_LINKS = "an action follows none: a feature takes what one answers to the next"
_NO_WEBHOOKS = "requests that the API makes to you are none that an action makes"


def openapi_format(document: JsonValue) -> str:
    """Return which OpenAPI a document is; raises `ValidationError` where it is none of ours."""
    if "swagger" in an_object(document):
        raise _other("Swagger 2.0", "convert it to OpenAPI 3, with swagger2openapi or its like")
    if isinstance(member(member(document, "info"), "_postman_id"), str):
        raise _other("a Postman collection", "`ductape import postman` takes it")
    version = as_written(member(document, "openapi"))  # A number, where its quotes were forgotten.
    if _VERSION.fullmatch(version):
        return f"OpenAPI {version}"
    found = f"version {version[:20]!r}" if version else "another document"
    raise _other(found, "the key `openapi` tells its version")


def openapi_apps(documents: Documents, options: Options, report: Report) -> list[JsonObject]:
    """Return the apps that a document's operations make.

    Raises `ValidationError` for another kind of document, and where no operation has a server.
    """
    root = documents.first
    siblings = not openapi_format(root.value).startswith("OpenAPI 3.0")
    servers = Servers(options, report, documents.base)
    site = Site(
        documents=documents,
        schemas=Schemas(documents, siblings=siblings),
        security=Security(documents, options, report),
        servers=servers,
        tags=Tags(options.prefix),
        report=report,
        app=options.app,
    )
    servers.declare(root.value, "#")
    drafts = [draft for one in _operations(site) if (draft := _taken(one, site))]
    _skip_webhooks(root, site)
    servers.tell()
    tell_auths(site.security.places, drafts, report)
    if not drafts and servers.lacking:
        hint = "give its address: `--server https://…`"
        raise invalid("servers", "a server with an absolute URL", servers.lacking, hint=hint)
    info = member(root.value, "info")
    about = About(
        scrubbed(a_text(member(info, "title"))),
        scrubbed(a_text(member(info, "description"))),
        site.security.auths,
    )
    return apps_of(drafts, about, options, report)


def _operations(site: Site) -> Iterator[Operation]:
    root = site.documents.first
    for path, given in an_object(member(root.value, "paths")).items():
        if path.startswith("x-"):
            continue
        told = without_secrets(path)
        place = pointer_to("paths", told)
        given_keys = set[tuple[str, ...]]()
        for item in _items(given, root.home, site, place):
            site.servers.declare(item.value, place)
            for keys, given_here in _in_order(item):
                if keys in given_keys:
                    continue
                where = pointer_to("paths", told, *keys)
                node = site.documents.follow(Node(given_here, item.home))
                if given_here is not None:  # Else what is referred to is meant.
                    given_keys.add(keys)
                if isinstance(node, Broken):
                    site.report.skip("operation", where, node.reason)
                    continue
                site.servers.declare(node.value, where)
                yield Operation(keys[-1].upper(), path, item, node, where)


def _items(given: JsonValue, home: str, site: Site, place: str) -> Iterator[Node]:
    """Yield a path's own operations, then those that its reference leads to."""
    reference = reference_of(given)
    own = {key: value for key, value in an_object(given).items() if key != "$ref"}
    if reference is None or own:
        yield Node(own, home)
    if reference is not None:
        item = site.documents.follow(Node({"$ref": reference}, home))
        if isinstance(item, Broken):
            site.report.skip("path", place, item.reason)
        else:
            yield item
    if not isinstance(given, dict):
        site.report.skip("path", place, "it is no object")


def _in_order(item: Node) -> Iterator[tuple[tuple[str, ...], JsonValue]]:
    """Yield a path's operations, each with the keys that lead to it, the last one its method."""
    for key, given in an_object(item.value).items():
        if key in _KEYS:
            yield (key,), given
        elif key == _FURTHER:
            yield from (((key, method), one) for method, one in an_object(given).items())


def _taken(one: Operation, site: Site) -> Draft | None:
    draft = draft_of(one, site)
    lost = site.schemas.lost()
    _skip_callbacks(one, site)
    if isinstance(draft, str):
        site.report.skip("operation", one.place, draft)
        return None
    site.report.took("operation")
    for reason in lost:
        site.report.leave_out(one.place, "schema", reason)
    _leave_links_out(one, site)
    return draft


def _leave_links_out(one: Operation, site: Site) -> None:
    for given in an_object(member(one.node.value, "responses")).values():
        response = site.documents.follow(Node(given, one.node.home))
        if isinstance(response, Node):
            for name in an_object(member(response.value, "links")):
                site.report.leave_out(one.place, f"link `{scrubbed(name)[:80]}`", _NO_LINKS)


def _skip_callbacks(one: Operation, site: Site) -> None:
    for name, given in an_object(member(one.node.value, "callbacks")).items():
        place = f"{one.place}{pointer_to('callbacks', name)[1:]}"
        node = site.documents.follow(Node(given, one.node.home))
        if isinstance(node, Broken):
            site.report.skip("callback", place, node.reason)
            continue
        for expression, item in an_object(node.value).items():
            where = f"{place}{pointer_to(expression)[1:]}"
            _skip_calls(Node(item, node.home), where, site, kind="callback")


def _skip_webhooks(root: Node, site: Site) -> None:
    for section in ("webhooks", "x-webhooks"):
        for name, given in an_object(member(root.value, section)).items():
            _skip_calls(Node(given, root.home), pointer_to(section, name), site, kind="webhook")


def _skip_calls(given: Node, place: str, site: Site, *, kind: Kind) -> None:
    item = site.documents.follow(given)
    if isinstance(item, Broken):
        site.report.skip(kind, place, item.reason)
        return
    for keys, _ in _in_order(item):
        site.report.skip(kind, f"{place}{pointer_to(*keys)[1:]}", _NO_WEBHOOKS)


def _other(found: str, hint: str) -> ValidationError:
    return invalid("", "an OpenAPI document of version 3.0, 3.1 or 3.2", found, hint=hint)
