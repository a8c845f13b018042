"""What a request has in its path, its query and its headers, as an action's defaults and rules."""

from collections.abc import Iterable

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.web import header_faults, param_names
from ductape.importers.openapi.paths import plain_name
from ductape.importers.postman.auths import Sent
from ductape.importers.postman.fields import Fields, Split
from ductape.importers.postman.samples import Sample, put
from ductape.importers.postman.urls import Pair
from ductape.importers.values import a_list, a_text, member

_BY_AUTH = "the auth sends it"
_DISABLED = "it is disabled"
_HEADER = "header `{}`"
_IN_PATH = "parameter `{}` in path"
_IN_QUERY = "parameter `{}` in query"


def params_of(given: Iterable[Pair], resource: str, fields: Fields, place: str) -> JsonObject:
    """Return the values that a collection has for a path's parameters."""
    members: JsonObject = {}
    named = param_names(resource)
    for pair in given:
        name = plain_name(pair.name)
        if name not in named or not pair.value:
            continue
        told = _IN_PATH.format(pair.name)
        if pair.disabled:
            fields.report.leave_out(place, told, _DISABLED)
        elif fields.opens(pair.name, pair.value):
            fields.report.leave_out(place, told, "its value may be a credential: give it")
        else:
            members[name] = pair.value
    return fields.split(members, place, _IN_PATH).known


def query_of(given: Iterable[Pair], fields: Fields, place: str, sent: Sent) -> Split:
    """Return a query's values, without the one that the auth sends."""
    members: dict[str, Sample] = {}
    for pair in given:
        told = _IN_QUERY.format(pair.name)
        if pair.disabled:
            fields.report.leave_out(place, told, _DISABLED)
        elif ("query", pair.name) == sent:
            fields.report.leave_out(place, told, _BY_AUTH)
        else:
            if pair.bare:
                fields.report.leave_out(place, told, "its name is sent with a `=`")
            put(members, pair.name, pair.value)
    return fields.split(members, place, _IN_QUERY)


def headers_of(given: JsonValue, fields: Fields, place: str, sent: Sent) -> Split:
    """Return a request's headers, without the one that the auth sends."""
    members: JsonObject = {}
    for name, value, disabled in _lines(given):
        told = _HEADER.format(name)
        if disabled:
            fields.report.leave_out(place, told, _DISABLED)
        elif ("header", name.lower()) == sent:
            fields.report.leave_out(place, told, _BY_AUTH)
        elif header_faults({name: value}, ""):
            fields.report.leave_out(place, told, "no request may set it so")
        else:
            members[name] = value
    return fields.split(members, place, _HEADER)


def _lines(given: JsonValue) -> list[tuple[str, str, bool]]:
    if isinstance(given, str):
        lines = [line.partition(":") for line in given.splitlines() if ":" in line]
        return [(name.strip(), value.strip(), False) for name, _, value in lines]
    return [
        (name.strip(), a_text(member(one, "value")), member(one, "disabled") is True)
        for one in a_list(given)
        if (name := a_text(member(one, "key")))
    ]
