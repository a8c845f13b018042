"""Postman collections 2.0 and 2.1: every request an action, every auth an auth (SPEC 13).

Scripts are left out, and told; saved answers are examples, and ignored. Pure.
"""

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import invalid
from ductape.importers.apps import About, Draft, apps_of, tell_auths
from ductape.importers.documents import Documents
from ductape.importers.options import Options, is_url
from ductape.importers.postman.auths import Auths
from ductape.importers.postman.fields import Fields
from ductape.importers.postman.folders import requests_of
from ductape.importers.postman.requests import Site, draft_of
from ductape.importers.postman.variables import variables_of
from ductape.importers.report import Report
from ductape.importers.sealing import scrubbed
from ductape.importers.tags import Tags
from ductape.importers.values import a_text, an_object, member

__all__ = ["postman_apps", "postman_format"]


def postman_format(document: JsonValue) -> str:
    """Return which collection a document is; raises `ValidationError` where it is none of ours."""
    collection = _collection(document)
    schema = a_text(member(collection.get("info"), "schema"))
    version = next((one for one in ("2.1", "2.0") if f"v{one}" in schema), None)
    if version is not None and isinstance(collection.get("item"), list):
        return f"Postman {version}"
    if "openapi" in collection or "swagger" in collection:
        found, hint = "an OpenAPI document", "`ductape import openapi` takes it"
    else:
        found, hint = "another document", "export it from Postman as `Collection v2.1`"
    raise invalid("", "a Postman collection of version 2.0 or 2.1", found, hint=hint)


def postman_apps(documents: Documents, options: Options, report: Report) -> list[JsonObject]:
    """Return the apps that a collection's requests make.

    Raises `ValidationError` for another kind of document, and where no request has an address.
    """
    collection = _collection(documents.first.value)
    postman_format(collection)
    for choice in (options.server, *options.servers.values()):
        if choice and not is_url(choice):
            raise invalid("server", "a URL: a collection names no servers", repr(choice[:80]))
    fields = Fields(variables_of(collection.get("variable"), options, report), options, report)
    site = Site(Auths(options, report), Tags(options.prefix), report)
    drafts: list[Draft] = []
    requests = [*requests_of(collection, fields, site)]
    site.bases.update(one.url.base for one in requests if one.url.segments)
    for one in requests:
        draft = draft_of(one, site)
        if isinstance(draft, str):
            report.skip("operation", one.place, draft)
        else:
            report.took("operation")
            drafts.append(draft)
    tell_auths(site.auths.places, drafts, report)
    if not drafts and any(one["reason"].startswith("its address") for one in report.skipped):
        hint = "give its address: `--server https://…`, or `--var NAME=URL`"
        raise invalid("item", "a request with an address", "none", hint=hint)
    info = collection.get("info")
    words = member(info, "description")
    text = words if isinstance(words, str) else a_text(member(words, "content"))
    name = scrubbed(a_text(member(info, "name")))
    about = About(name, scrubbed(text), site.auths.made, fields.variables.declared)
    return apps_of(drafts, about, options, report)


def _collection(document: JsonValue) -> JsonObject:
    """Return the collection, also out of what Postman's own API answers."""
    inner = member(document, "collection")
    return an_object(document) if inner is None else an_object(inner)
