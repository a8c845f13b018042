"""One request of a collection as one action (SPEC 9)."""

from collections.abc import Mapping, Sequence
from typing import get_args

from msgspec import Struct, field

from ductape.domain.inputs.unique import WHOLE_BODY
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.format.app import Method
from ductape.importers.apps import Draft
from ductape.importers.postman.addresses import Address, addresses_of
from ductape.importers.postman.auths import Auths, is_auth
from ductape.importers.postman.bodies import Body, body_of
from ductape.importers.postman.fields import Fields, Split
from ductape.importers.postman.parts import (
    header_pairs,
    headers_of,
    in_path,
    params_of,
    query_of,
)
from ductape.importers.postman.urls import Pair, Path, Url, path_of
from ductape.importers.report import Report
from ductape.importers.sealing import scrubbed
from ductape.importers.tags import Tags
from ductape.importers.values import LONGEST_NAME, LONGEST_WORDS, a_text, cut, member

_WITHOUT_BODY = frozenset({"GET", "HEAD"})
_METHODS: frozenset[str] = frozenset(get_args(Method))
_MIMES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "multipart": "multipart/form-data",
    "text": "text/plain; charset=utf-8",
}


class Request(Struct, frozen=True):
    """One request, and what stands above it."""

    names: tuple[str, ...]
    """Of its folders, and its own."""
    value: JsonValue
    url: Url
    fields: Fields
    """Makes its values."""
    auth: JsonValue
    """The nearest one."""
    place: str
    prunes_no_body: bool = False
    """Whether a body goes also where Postman sends none otherwise."""


class Site(Struct, frozen=True):
    """Everything that the requests of one collection share."""

    auths: Auths
    tags: Tags
    report: Report
    bases: set[str] = field(default_factory=set[str])
    """What some request's URL begins with before its path."""


def draft_of(one: Request, site: Site) -> Draft | str:
    """Return a request's action, or why it cannot be one."""
    method = (a_text(member(one.value, "method")) or "GET").upper()
    if method not in _METHODS:
        return f"an action's method is none of {method[:20]!r}"
    addresses = addresses_of(one.url, one.fields, site.bases)
    if isinstance(addresses, str):
        return addresses
    body = _body(one, method)
    if isinstance(body, str):
        return body
    bases = tuple(address.base for address in addresses)
    return Draft(bases, _action(one, site, method, addresses, body))


def _body(one: Request, method: str) -> Body | str:
    """Return the body that is sent, or why the request cannot be."""
    given = member(one.value, "body")
    mode = a_text(member(given, "mode"))
    if member(given, "disabled") is True:
        reason = "it is disabled"
    elif method in _WITHOUT_BODY and not one.prunes_no_body:
        reason = f"Postman sends none with {method}"
    else:
        return body_of(given, one.fields, one.place)
    if member(given, mode) not in (None, "", [], {}):
        one.fields.report.leave_out(one.place, "body", reason)
    return Body()


def _action(
    one: Request, site: Site, method: str, addresses: Sequence[Address], body: Body
) -> JsonObject:
    path = Path(addresses[0].resource, {})
    if one.url.segments:
        path = path_of(one.url, one.fields.variables)
    auth = site.auths.tag_of(_auth(one, addresses), one.place, one.fields)
    sent = site.auths.sends(auth)
    fixed = _fixed_query(one, addresses)
    query = query_of((*fixed, *one.url.query), one.fields, one.place, sent)
    headers = headers_of(member(one.value, "header"), one.fields, one.place, sent)
    params = _params(one, path)
    optional: JsonObject = {
        "content_type": "" if body.content_type == "json" else body.content_type,
        "auth": auth,
        "body_required": body.required,
        "headers": _with_type(_of_form(headers.known, body, one), body),
        "query": query.known,
        "params": params.known,
        "part_types": body.part_types,
        "unique": [
            *(f"params:{name}" for name in params.unique),
            *(f"query:{name}" for name in query.unique),
            *(f"headers:{name}" for name in headers.unique),
            *(f"body:{name}" if name else WHOLE_BODY for name in body.unique),
        ],
        "request": _without_empty(
            {"query": query.rules, "headers": headers.rules, "body": body.rules}
        ),
        "envs": _elsewhere(one, addresses, fixed),
    }
    action: JsonObject = {"tag": site.tags.give("-".join(one.names)), "method": method}
    action |= {"resource": path.resource} | _words(one) | _without_empty(optional)
    return action if body.default is None else {**action, "body": body.default}


def _params(one: Request, path: Path) -> Split:
    """Return the values of a path's parameters; those of the collection win."""
    given = params_of(one.url.params, path.resource, one.fields, one.place)
    for name, variable in path.dynamic.items():
        value = path.params[name]
        if one.fields.own_in(f"{{{{{variable}}}}}", value, one.place, in_path(name)):
            given.unique.append(name)
    return Split(path.params | given.known, {}, given.unique)


def _auth(one: Request, addresses: Sequence[Address]) -> JsonValue:
    """Return the auth that counts: where there is none, a URL may name a user."""
    user = one.url.user or addresses[0].user
    headers = header_pairs(member(one.value, "header"))
    own = {pair.name.lower() for pair in headers if not pair.disabled}
    if user is None:
        return one.auth
    if "authorization" in own or is_auth(one.auth):
        told = "another auth is sent instead"
        one.fields.report.leave_out(one.place, "user in the URL", told)
        return one.auth
    pairs: list[JsonValue] = [
        {"key": "username", "value": user[0]},
        {"key": "password", "value": user[1]},
    ]
    return {"type": "basic", "basic": pairs}


def _fixed_query(one: Request, addresses: Sequence[Address]) -> tuple[Pair, ...]:
    """Return the query that a request's variable holds, where it is the same in every env."""
    queries = {address.query for address in addresses}
    if one.url.segments and queries != {()}:
        told = "a variable holds it, and a path follows"
        one.fields.report.leave_out(one.place, "query of the address", told)
        return ()
    return queries.pop() if len(queries) == 1 else ()


def _elsewhere(
    one: Request, addresses: Sequence[Address], fixed: tuple[Pair, ...]
) -> list[JsonValue]:
    """Return what a request's variable holds in each env, as far as it differs."""
    if one.url.segments:
        return []
    envs: list[JsonValue] = []
    for env, address in zip(one.fields.options.envs, addresses, strict=True):
        pairs = () if address.query == fixed else address.query
        query = query_of(pairs, one.fields, one.place, None).known
        differs = _without_empty({"query": query})
        if address.resource != addresses[0].resource:
            differs["resource"] = address.resource
        if differs:
            envs.append({"slug": env, **differs})
    return envs


def _of_form(headers: JsonObject, body: Body, one: Request) -> JsonObject:
    """Return the headers without the type that a form is said to have and Postman does not send."""
    begins = {"form": _MIMES["form"], "multipart": "multipart/"}.get(body.content_type)
    kept: JsonObject = {}
    for name, value in headers.items():
        if begins and name.lower() == "content-type" and not _bare(value).startswith(begins):
            reason = "a form is sent as what it is"
            one.fields.report.leave_out(one.place, f"header `{name}`", reason)
        else:
            kept[name] = value
    return kept


def _bare(mime: JsonValue) -> str:
    return str(mime).partition(";")[0].strip().lower()


def _with_type(headers: Mapping[str, JsonValue], body: Body) -> JsonObject:
    """Return the headers with what the body is, where the action does not send that anyway."""
    said = any(name.lower() == "content-type" for name in headers)
    if body.mime is not None and body.mime != _MIMES.get(body.content_type) and not said:
        headers = {"Content-Type": body.mime, **headers}
    return _without_usual(headers, body)


def _without_empty(members: JsonObject) -> JsonObject:
    return {name: value for name, value in members.items() if value}


def _without_usual(headers: Mapping[str, JsonValue], body: Body) -> JsonObject:
    """Leave out the `Content-Type` that the action sends anyway, if it has a body."""
    if body.is_none:
        return dict(headers)
    return {
        name: value
        for name, value in headers.items()
        if name.lower() != "content-type" or not _is_usual(value, body)
    }


def _is_usual(mime: JsonValue, body: Body) -> bool:
    usual = _MIMES.get(body.content_type)
    if body.content_type == "multipart":
        return _bare(mime) == usual  # What stands between its parts is ours to say.
    return str(mime).strip().lower() == usual


def _words(one: Request) -> JsonObject:
    given = member(one.value, "description")
    text = given if isinstance(given, str) else a_text(member(given, "content"))
    return _without_empty(
        {
            "name": cut(scrubbed(" / ".join(one.names)), LONGEST_NAME),
            "description": cut(scrubbed(text), LONGEST_WORDS),
        }
    )
