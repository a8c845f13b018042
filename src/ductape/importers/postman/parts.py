"""What a request has in its path, its query and its headers, as an action's defaults and rules."""

from collections.abc import Iterable

from ductape.domain.http.parts import header_faults, param_names
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers.openapi.paths import plain_name
from ductape.importers.postman.auths import Sent
from ductape.importers.postman.fields import Fields, Split, own_alone
from ductape.importers.postman.samples import Sample, put
from ductape.importers.postman.scopes import NAMED
from ductape.importers.postman.urls import Pair
from ductape.importers.values import a_list, a_text, as_written, member

_BY_AUTH = "the auth sends it"
_DISABLED = "it is disabled"
_HEADER = "header `{}`"
_SINGLE = frozenset(
    {
        "accept-datetime",
        "authorization",
        "content-length",
        "content-type",
        "date",
        "from",
        "idempotency-key",
        "if-modified-since",
        "if-unmodified-since",
        "max-forwards",
        "origin",
        "range",
        "referer",
        "user-agent",
    }
)
"""Headers that are no lists: two of them are none."""
_IN_PATH = "parameter `{}` in path"
_IN_QUERY = "parameter `{}` in query"


def params_of(given: Iterable[Pair], resource: str, fields: Fields, place: str) -> Split:
    """Return the values that a collection has for a path's parameters."""
    members: JsonObject = {}
    named = param_names(resource)
    for pair in given:
        name = plain_name(pair.name)
        if name not in named or not pair.value:
            continue
        if pair.disabled:
            fields.report.leave_out(place, _IN_PATH.format(pair.name), _DISABLED)
            continue
        members[name] = pair.value
        if pair.parted:
            reason = "a `/` in it is sent as `%2F`, a part of its own segment"
            fields.report.leave_out(place, _IN_PATH.format(pair.name), reason)
    return fields.split(members, place, _IN_PATH)


def in_path(name: str) -> str:
    """Return what a parameter of a path is called in the report."""
    return _IN_PATH.format(name)


def query_of(given: Iterable[Pair], fields: Fields, place: str, sent: Sent) -> Split:
    """Return a query's values, without the one that the auth sends."""
    members: dict[str, Sample] = {}
    for pair in given:
        told = _IN_QUERY.format(pair.name)
        if pair.disabled:
            fields.report.leave_out(place, told, _DISABLED)
        elif ("query", pair.name) == sent:
            fields.report.leave_out(place, told, _BY_AUTH)
        elif pair.bare and NAMED.search(pair.name):
            reason = "a variable holds pairs of the query: give each by its name"
            fields.report.leave_out(place, told, reason)
        elif name := fields.named(pair.name, place, told):
            if pair.bare:
                fields.report.leave_out(place, told, "its name is sent with a `=`")
            put(members, name, pair.value)
    return fields.split(members, place, _IN_QUERY)


def headers_of(given: JsonValue, fields: Fields, place: str, sent: Sent) -> Split:
    """Return a request's headers, without the one that the auth sends.

    Several of one name become one line, as RFC 9110 (5.3) reads them; where a header has one value
    only, the last one counts.
    """
    members: dict[str, tuple[str, str]] = {}
    for pair in header_pairs(given):
        told = _HEADER.format(pair.name)
        name = pair.name if pair.disabled else fields.named(pair.name, place, told)
        if name is None:
            continue
        low, value = name.lower(), pair.value
        reason = _DISABLED if pair.disabled else _unsent(name, value, sent)
        if reason:
            fields.report.leave_out(place, told, reason)
        elif low not in members:
            members[low] = name, value
        elif low in _SINGLE:
            fields.report.leave_out(place, told, "another one of its name is sent")
            members[low] = name, value
        else:
            first, before = members[low]
            members[low] = first, f"{before}{'; ' if low == 'cookie' else ', '}{value}"
    return fields.split(dict(members.values()), place, _HEADER)


def _unsent(name: str, value: str, sent: Sent) -> str:
    """Return why a header is not in the action; empty where it is."""
    if ("header", name.lower()) == sent:
        return _BY_AUTH
    if header_faults({name: value}, ""):
        return "no request may set it so"
    fresh = name.lower() == "idempotency-key" and own_alone(value)
    return "each run sends one of its own" if fresh else ""


def header_pairs(given: JsonValue) -> list[Pair]:
    """Return the headers of a request, which are lines of text or a list."""
    if isinstance(given, str):
        lines = [line.partition(":") for line in given.splitlines() if ":" in line]
        return [Pair(name.strip(), value.strip(), disabled=False) for name, _, value in lines]
    return [
        Pair(name.strip(), as_written(member(one, "value")), member(one, "disabled") is True)
        for one in a_list(given)
        if (name := a_text(member(one, "key")))
    ]
