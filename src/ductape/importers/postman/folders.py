"""Walking a collection's folders: what stands nearest to a request counts (Postman's inheritance).

Auth, variables, scripts and settings may stand at a request, its folders and the collection.
"""

from collections.abc import Iterator

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers.postman.fields import Fields, own_alone
from ductape.importers.postman.requests import Request, Site
from ductape.importers.postman.urls import url_of
from ductape.importers.sealing import names_secret
from ductape.importers.values import a_list, a_text, an_object, member

_NO_PRUNING = "disableBodyPruning"
_SETTINGS = ("protocolProfileBehavior", "proxy", "certificate")


class _Folder(Struct, frozen=True):
    """A folder, and what counts in it."""

    value: JsonObject
    names: tuple[str, ...]
    path: str
    auth: JsonValue
    fields: Fields
    prunes_no_body: bool = False


def requests_of(collection: JsonObject, fields: Fields, site: Site) -> Iterator[Request]:
    """Yield the requests of a collection, in its order; tell what beside them is not imported."""
    auth = collection.get("auth")
    site.auths.declare(auth, "auth", fields)
    _tell_settings(collection, "the collection", site)
    keeps = _prunes_no_body(collection) is True
    yield from _requests(_Folder(collection, (), "", auth, fields, keeps), site)


def _requests(folder: _Folder, site: Site) -> Iterator[Request]:
    for at, given in enumerate(a_list(folder.value.get("item"))):
        item = an_object(given)
        place = f"{folder.path}.item[{at}]" if folder.path else f"item[{at}]"
        names = (*folder.names, a_text(item.get("name")))
        told = f"{place} ({' / '.join(names)[:200]})"
        fields = folder.fields.within(item.get("variable"), told)
        request = fields.variables.expanded(item.get("request"))
        own = _prunes_no_body(item)
        prunes_no_body = folder.prunes_no_body if own is None else own
        if isinstance(item.get("item"), list):
            _tell_settings(item, told, site)
            auth = _nearest(item, f"{place}.auth", folder.auth, fields, site)
            inner = _Folder(item, names, place, auth, fields, prunes_no_body)
            yield from _requests(inner, site)
        elif isinstance(request, (str, dict)):
            _tell_settings(item, told, site)
            auth = _nearest(request, f"{place}.request.auth", folder.auth, fields, site)
            _hide_credentials(request, fields)
            url = url_of(request if isinstance(request, str) else request.get("url"))
            yield Request(names, request, url, fields, auth, told, prunes_no_body)
        else:
            site.report.skip("operation", told, "it has no request")


def _nearest(
    holder: JsonValue, place: str, above: JsonValue, fields: Fields, site: Site
) -> JsonValue:
    """Return the auth that counts: a request's or folder's own, else the one above it."""
    own = member(holder, "auth")
    site.auths.declare(own, place, fields)
    return above if own is None else own


def _hide_credentials(request: JsonValue, fields: Fields) -> None:
    """Mark what a request has as credentials before any is written out elsewhere."""
    waiting: list[JsonValue] = [request]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            name, value = a_text(part.get("key")), a_text(part.get("value"))
            if "{{" in value and names_secret(name) and not own_alone(value):
                fields.variables.hide(value)
            waiting += part.values()


def _prunes_no_body(item: JsonObject) -> bool | None:
    """Tell whether a request sends its body also with GET; none where it is not said."""
    told = member(item.get("protocolProfileBehavior"), _NO_PRUNING)
    return told if isinstance(told, bool) else None


def _tell_settings(item: JsonObject, where: str, site: Site) -> None:
    for event in a_list(item.get("event")):
        when = a_text(member(event, "listen")) or "event"
        lines = member(member(event, "script"), "exec")
        written = [lines] if isinstance(lines, str) else a_list(lines)
        if any(a_text(line).strip() for line in written):
            site.report.leave_out(where, "script", f"the {when[:40]} script is not run")
    for key in _SETTINGS:
        given = item.get(key)
        if given is None:
            given = member(item.get("request"), key)
        if isinstance(given, dict):
            given = {name for name in given if name != _NO_PRUNING}
        if given:
            site.report.leave_out(where, key, "the way that Postman sends is not imported")
