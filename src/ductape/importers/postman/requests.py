"""One request of a collection as one action (SPEC 9)."""

from collections.abc import Mapping
from typing import cast, get_args

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.format.app import Method
from ductape.domain.web import header_faults, param_names
from ductape.importers.apps import Bases, Draft
from ductape.importers.openapi.paths import plain_name
from ductape.importers.options import Options, is_url
from ductape.importers.postman.auths import Auths, Sent
from ductape.importers.postman.bodies import Body, body_of
from ductape.importers.postman.fields import Fields
from ductape.importers.postman.urls import Url, path_of, url_of
from ductape.importers.report import Report
from ductape.importers.sealing import escaped, scrubbed
from ductape.importers.tags import Tags
from ductape.importers.values import LONGEST_NAME, LONGEST_WORDS, a_list, a_text, cut, member

_BY_AUTH = "the auth sends it"
_METHODS: frozenset[str] = frozenset(get_args(Method))
_MIMES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "multipart": "multipart/form-data",
    "text": "text/plain",
}


class Request(Struct, frozen=True):
    """One request, and what stands above it."""

    names: tuple[str, ...]
    """Of its folders, and its own."""
    value: JsonValue
    auth: JsonValue
    """The nearest one."""
    place: str


class Site(Struct, frozen=True):
    """Everything that the requests of one collection share."""

    fields: Fields
    auths: Auths
    tags: Tags
    options: Options
    report: Report


def draft_of(one: Request, site: Site) -> Draft | str:
    """Return a request's action, or why it cannot be one."""
    method = (a_text(member(one.value, "method")) or "GET").upper()
    if method not in _METHODS:
        return f"an action's method is none of {method[:20]!r}"
    given = one.value if isinstance(one.value, str) else member(one.value, "url")
    url = url_of(given)
    bases = _bases(url, site)
    if isinstance(bases, str):
        return bases
    body = body_of(member(one.value, "body"), site.fields, one.place)
    if isinstance(body, str):
        return body
    return Draft(bases, _action(one, site, method, url, body))


def _bases(url: Url, site: Site) -> Bases | str:
    """Return where a request goes in each env, or why that is not known."""
    found: list[str] = []
    for env in site.options.envs:
        choice = site.options.server_in(env)
        if choice is not None and is_url(choice):
            found.append(choice.rstrip("/"))
            continue
        filled = site.fields.variables.filled(url.base, env)
        if not filled:
            told = scrubbed(url.base)[:80]
            return f"its address {told!r} has no value: `--var NAME=URL` or `--server URL`"
        whole = filled if "://" in filled else f"http://{filled}"
        if not whole.startswith(("http://", "https://")) or any(one.isspace() for one in whole):
            return "its address is no http or https URL"
        scheme, _, rest = whole.partition("?")[0].partition("://")
        host, slash, path = rest.partition("/")
        found.append(escaped(f"{scheme}://{host.rpartition('@')[2]}{slash}{path}".rstrip("/")))
    return tuple(found)


def _action(one: Request, site: Site, method: str, url: Url, body: Body) -> JsonObject:
    path = path_of(url, site.fields.variables)
    for name in path.secrets:
        reference = site.fields.variables.secret(name)
        told = f"it is secret: give `{reference}` as the parameter `{name}`"
        site.report.leave_out(one.place, f"variable `{name}` in the path", told)
    auth = site.auths.tag_of(one.auth, one.place)
    sent = site.auths.sends(auth)
    query, query_rules = _query(one, site, url, sent)
    headers, header_rules = _headers(one, site, sent)
    if body.mime is not None and body.mime != _MIMES.get(body.content_type):
        headers = {"Content-Type": body.mime, **headers}
    rules = {"query": query_rules, "headers": header_rules, "body": body.rules}
    action: JsonObject = {"tag": site.tags.give("-".join(one.names)), "method": method}
    action["resource"] = path.resource
    params = _params(one, site, url, path.resource)
    action |= _words(one)
    if body.content_type != "json":
        action["content_type"] = body.content_type
    optional: JsonObject = {
        "auth": auth,
        "headers": _without_usual(headers, body),
        "query": query,
        "params": params,
        "part_types": body.part_types,
        "request": cast("JsonObject", {part: each for part, each in rules.items() if each}),
    }
    if body.default is not None:
        action["body"] = body.default
    return action | {name: value for name, value in optional.items() if value}


def _params(one: Request, site: Site, url: Url, resource: str) -> JsonObject:
    """Return the values that the collection has for the path's parameters."""
    members: JsonObject = {}
    named = param_names(resource)
    for pair in url.params:
        name = plain_name(pair.name)
        if name not in named or not pair.value:
            continue
        told = f"parameter `{pair.name}` in path"
        if pair.disabled:
            site.report.leave_out(one.place, told, "it is disabled")
        elif site.fields.opens(pair.name, pair.value):
            site.report.leave_out(one.place, told, "its value may be a credential: give it")
        else:
            members[name] = pair.value
    return site.fields.split(members, one.place, "parameter `{}` in path").known


def _query(one: Request, site: Site, url: Url, sent: Sent) -> tuple[JsonObject, JsonObject]:
    members: JsonObject = {}
    for pair in url.query:
        if pair.disabled:
            site.report.leave_out(one.place, f"parameter `{pair.name}` in query", "it is disabled")
        elif ("query", pair.name) == sent:
            site.report.leave_out(one.place, f"parameter `{pair.name}` in query", _BY_AUTH)
        elif pair.name in members:
            known = members[pair.name]
            members[pair.name] = [*(known if isinstance(known, list) else [known]), pair.value]
        else:
            members[pair.name] = pair.value
    split = site.fields.split(members, one.place, "parameter `{}` in query")
    return split.known, split.rules


def _headers(one: Request, site: Site, sent: Sent) -> tuple[JsonObject, JsonObject]:
    members: JsonObject = {}
    for name, value, disabled in _header_lines(member(one.value, "header")):
        told = f"header `{name}`"
        if disabled:
            site.report.leave_out(one.place, told, "it is disabled")
        elif ("header", name.lower()) == sent:
            site.report.leave_out(one.place, told, _BY_AUTH)
        elif header_faults({name: value}, ""):
            site.report.leave_out(one.place, told, "no request may set it so")
        else:
            members[name] = value
    split = site.fields.split(members, one.place, "header `{}`")
    return split.known, split.rules


def _header_lines(given: JsonValue) -> list[tuple[str, str, bool]]:
    if isinstance(given, str):
        lines = [line.partition(":") for line in given.splitlines() if ":" in line]
        return [(name.strip(), value.strip(), False) for name, _, value in lines]
    return [
        (name.strip(), a_text(member(one, "value")), member(one, "disabled") is True)
        for one in a_list(given)
        if (name := a_text(member(one, "key")))
    ]


def _without_usual(headers: Mapping[str, JsonValue], body: Body) -> JsonObject:
    """Leave out the `Content-Type` that the action sends anyway."""
    usual = _MIMES.get(body.content_type)
    if usual is None:
        return dict(headers)
    return {
        name: value
        for name, value in headers.items()
        if name.lower() != "content-type" or _bare(value) != usual
    }


def _bare(mime: JsonValue) -> str:
    return str(mime).partition(";")[0].strip().lower()


def _words(one: Request) -> JsonObject:
    given = member(one.value, "description")
    text = given if isinstance(given, str) else a_text(member(given, "content"))
    words: JsonObject = {
        "name": cut(scrubbed(" / ".join(one.names)), LONGEST_NAME),
        "description": cut(scrubbed(text), LONGEST_WORDS),
    }
    return {name: value for name, value in words.items() if value}
