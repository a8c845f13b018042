"""Postman collections of version 2.1: every request an action, every auth an auth (SPEC 13).

Scripts are left out, and told; saved answers are examples, and ignored. Pure.
"""

from collections.abc import Iterator

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import invalid
from ductape.importers.apps import About, Draft, apps_of, tell_auths
from ductape.importers.documents import Documents
from ductape.importers.options import Options, is_url
from ductape.importers.postman.auths import Auths
from ductape.importers.postman.fields import Fields
from ductape.importers.postman.requests import Request, Site, draft_of
from ductape.importers.postman.urls import url_of
from ductape.importers.postman.variables import Variables
from ductape.importers.report import Report
from ductape.importers.sealing import scrubbed
from ductape.importers.tags import Tags
from ductape.importers.values import a_list, a_text, an_object, member

__all__ = ["postman_apps", "postman_format"]

_SETTINGS = ("protocolProfileBehavior", "proxy", "certificate")


def postman_format(document: JsonValue) -> str:
    """Return which collection a document is; raises `ValidationError` where it is none of ours."""
    collection = _collection(document)
    schema = a_text(member(collection.get("info"), "schema"))
    if "v2.1" in schema and isinstance(collection.get("item"), list):
        return "Postman 2.1"
    if "openapi" in collection or "swagger" in collection:
        found, hint = "an OpenAPI document", "`ductape import openapi` takes it"
    else:
        found, hint = "another document", "export it from Postman as `Collection v2.1`"
    raise invalid("", "a Postman collection of version 2.1", found, hint=hint)


def postman_apps(documents: Documents, options: Options, report: Report) -> list[JsonObject]:
    """Return the apps that a collection's requests make.

    Raises `ValidationError` for another kind of document, and where no request has an address.
    """
    collection = _collection(documents.first.value)
    postman_format(collection)
    for choice in (options.server, *options.servers.values()):
        if choice and not is_url(choice):
            raise invalid("server", "a URL: a collection names no servers", repr(choice[:80]))
    fields = Fields(Variables(_with_folders(collection), options, report), options, report)
    auths = Auths(fields)
    site = Site(fields, auths, Tags(options.prefix), report)
    auths.declare(collection.get("auth"), "auth")
    _tell_settings(collection, "", site)
    drafts: list[Draft] = []
    requests = [*_requests(collection, (), collection.get("auth"), "", site)]
    site.bases.update(one.url.base for one in requests if one.url.segments)
    for one in requests:
        draft = draft_of(one, site)
        if isinstance(draft, str):
            report.skip("operation", one.place, draft)
        else:
            report.took("operation")
            drafts.append(draft)
    tell_auths(auths.places, drafts, report)
    if not drafts and any("has no value" in one["reason"] for one in report.skipped):
        hint = "give its address: `--server https://…`, or `--var NAME=URL`"
        raise invalid("item", "a request with an address", "none", hint=hint)
    info = collection.get("info")
    words = member(info, "description")
    text = words if isinstance(words, str) else a_text(member(words, "content"))
    name = scrubbed(a_text(member(info, "name")))
    about = About(name, scrubbed(text), auths.made, fields.variables.declared)
    return apps_of(drafts, about, options, report)


def _collection(document: JsonValue) -> JsonObject:
    """Return the collection, also out of what Postman's own API answers."""
    inner = member(document, "collection")
    return an_object(document) if inner is None else an_object(inner)


def _requests(
    folder: JsonObject, names: tuple[str, ...], auth: JsonValue, path: str, site: Site
) -> Iterator[Request]:
    for at, given in enumerate(a_list(folder.get("item"))):
        item = an_object(given)
        place = f"{path}.item[{at}]" if path else f"item[{at}]"
        name = a_text(item.get("name"))
        told = f"{place} ({' / '.join((*names, name))[:200]})"
        request = item.get("request")
        if isinstance(item.get("item"), list):
            own = item.get("auth")
            _tell_settings(item, told, site)
            site.auths.declare(own, f"{place}.auth")
            nearest = auth if own is None else own
            yield from _requests(item, (*names, name), nearest, place, site)
        elif isinstance(request, (str, dict)):
            own = member(request, "auth")
            _tell_settings(item, told, site)
            site.auths.declare(own, f"{place}.request.auth")
            url = url_of(request if isinstance(request, str) else request.get("url"))
            nearest = auth if own is None else own
            yield Request((*names, name), request, url, site.fields, nearest, told)
        else:
            site.report.skip("operation", told, "it has no request")


def _tell_settings(item: JsonObject, told: str, site: Site) -> None:
    where = told or "the collection"
    for event in a_list(item.get("event")):
        when = a_text(member(event, "listen")) or "event"
        lines = member(member(event, "script"), "exec")
        if lines not in (None, "", [], [""]):
            site.report.leave_out(where, "script", f"the {when[:40]} script is not run")
    for key in _SETTINGS:
        given = item.get(key)
        if given is None:
            given = member(item.get("request"), key)
        if given:
            site.report.leave_out(where, key, "the way that Postman sends is not imported")


def _with_folders(collection: JsonObject) -> JsonObject:
    """Return the collection with the variables of its folders: the collection's own win."""
    variables: list[JsonValue] = []
    waiting: list[JsonValue] = [*a_list(collection.get("item"))]
    while waiting:
        item = an_object(waiting.pop())
        variables += a_list(item.get("variable"))
        waiting += a_list(item.get("item"))
    return {**collection, "variable": [*variables, *a_list(collection.get("variable"))]}
