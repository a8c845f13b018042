"""Postman's bodies: raw ones, forms of both kinds, GraphQL and files become an action's.

The files themselves are on the maker's machine: the caller gives them.
"""

import json
import re
from collections.abc import Iterator
from typing import cast

from msgspec import Struct

from ductape.domain.definitions.action import ContentType
from ductape.domain.filecontent import mime_faults
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers.postman.fields import UNKNOWN, Fields
from ductape.importers.postman.variables import NAMED
from ductape.importers.values import a_list, a_text, an_object, as_written, member

_MIMES = {"xml": "application/xml", "html": "text/html", "javascript": "application/javascript"}
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_FILE = "the collection has no file: give `{buffer, fileName, mimeType}`"
_DEEPEST = 60


class Body(Struct, frozen=True):
    """What an action has of a body."""

    content_type: ContentType = "json"
    mime: str | None = None
    default: JsonValue = None
    rules: JsonObject = {}
    part_types: JsonObject = {}
    """Field → the MIME type that its part says."""


def body_of(given: JsonValue, fields: Fields, place: str) -> Body | str:
    """Return a request's body, or why it cannot be sent."""
    mode = None if member(given, "disabled") is True else member(given, "mode")
    match mode:
        case "raw":
            return _raw(an_object(given), fields, place)
        case "graphql":
            return _graphql(member(given, "graphql"), fields, place)
        case None:
            return Body()
        case "urlencoded" | "formdata":
            written = member(given, str(mode))
            form = _form if mode == "urlencoded" else _parts
            return form(a_list(written) or _pairs(a_text(written)), fields, place)
        case "file":
            fields.report.leave_out(place, "body", _NO_FILE)
            return Body("file")
        case _:
            return "its body is of a kind that is not known"


def _raw(given: JsonObject, fields: Fields, place: str) -> Body | str:
    text = a_text(given.get("raw"))
    language = a_text(member(member(given.get("options"), "raw"), "language"))
    if not text.strip():
        return Body()
    if language in ("", "json"):
        value = _json(text)
        if isinstance(value, dict):
            return _object(value, fields)
        if isinstance(value, list):
            return _list(value, fields, place)
    return _text(text, _MIMES.get(language) or _guessed(text, language), fields, place)


def _object(value: JsonObject, fields: Fields) -> Body:
    split = fields.split(value)
    nothing = None if split.rules else value  # An empty object is a body, one to be given is none.
    return Body("json", None, split.known or nothing, split.rules)


def _list(value: list[JsonValue], fields: Fields, place: str) -> Body:
    kept = fields.value("body", value, 1)
    if kept is UNKNOWN:
        fields.report.leave_out(place, "body", "something in it has no value: give it whole")
        return Body()
    return Body("json", None, cast("JsonValue", kept))


def _text(text: str, mime: str | None, fields: Fields, place: str) -> Body:
    kept = fields.sealed("body", text)
    if kept is None:
        fields.report.leave_out(place, "body", "something in it has no value: give it whole")
    return Body("text", mime, kept)


def _guessed(text: str, language: str) -> str | None:
    if language == "json":
        return "application/json"
    return "application/xml" if language == "" and text.lstrip().startswith("<") else None


def _form(pairs: list[JsonValue], fields: Fields, place: str) -> Body:
    members: JsonObject = {}
    for name, one in _enabled(pairs, fields, place):
        _put(members, name, as_written(member(one, "value")))
    split = fields.split(members)
    return Body("form", None, split.known or None, split.rules)


def _parts(pairs: list[JsonValue], fields: Fields, place: str) -> Body:
    members: JsonObject = {}
    files: dict[str, int] = {}
    types: JsonObject = {}
    for name, one in _enabled(pairs, fields, place):
        types |= _part_type(name, one, fields, place)
        if member(one, "type") == "file":
            files[name] = files.get(name, 0) + max(len(a_list(member(one, "src"))), 1)
            fields.report.leave_out(place, f"body field `{name}`", _NO_FILE)
        else:
            _put(members, name, _part(one))
    split = fields.split({name: one for name, one in members.items() if name not in files})
    asked: JsonObject = {
        name: {"type": "OBJECT" if count == 1 else "OBJECT_ARRAY"} for name, count in files.items()
    }
    if not pairs:
        return Body()
    return Body("multipart", None, split.known or None, split.rules | asked, types)


def _part_type(name: str, one: JsonValue, fields: Fields, place: str) -> JsonObject:
    """Return what a part says that it is, by its name; nothing where it says what is usual."""
    mime = a_text(member(one, "contentType")).strip()
    if mime.lower() in ("", "text/plain", "application/json", "auto"):
        return {}
    if mime_faults(mime, ""):
        reason = f"its part does not say that it is {mime[:80]}"
        fields.report.leave_out(place, f"body field `{name}`", reason)
        return {}
    return {name: mime}


def _part(one: JsonValue) -> JsonValue:
    """Return the value of a part of text; one that is said to be JSON is sent so."""
    text = as_written(member(one, "value"))
    mime = a_text(member(one, "contentType")).partition(";")[0].strip().lower()
    value = _json(text) if mime == "application/json" or mime.endswith("+json") else None
    return value if isinstance(value, dict) else text


def _enabled(pairs: list[JsonValue], fields: Fields, place: str) -> Iterator[tuple[str, JsonValue]]:
    """Yield the fields that are sent, by name."""
    for one in pairs:
        name = a_text(member(one, "key"))
        if member(one, "disabled") is True:
            fields.report.leave_out(place, f"body field `{name}`", "it is disabled")
        elif name:
            yield name, one


def _put(members: JsonObject, name: str, value: JsonValue) -> None:
    """Add a value; what stands there already becomes a list with it."""
    if name not in members:
        members[name] = value
        return
    known = members[name]
    members[name] = [*known, value] if isinstance(known, list) else [known, value]


def _pairs(text: str) -> list[JsonValue]:
    parts = [one.partition("=") for one in text.split("&") if one]
    return [{"key": name, "value": value} for name, _, value in parts]


def _graphql(given: JsonValue, fields: Fields, place: str) -> Body:
    query = a_text(member(given, "query"))
    written = member(given, "variables")
    variables = _json(written) if isinstance(written, str) else written
    if variables is None and isinstance(written, str) and written.strip():
        fields.report.leave_out(place, "body", "the GraphQL variables are no JSON")
    body: JsonObject = {"query": query}
    if isinstance(variables, dict) and variables:
        body["variables"] = variables
    name = member(given, "operationName")
    if isinstance(name, str) and name:
        body["operationName"] = name
    return _object(body, fields)


def _json(text: str) -> JsonValue:
    """Return a text's value, its bare `{{variables}}` as texts; null where it is no JSON."""
    try:
        value = cast("JsonValue", json.loads(_with_quotes(text), parse_constant=_refused))
    except (ValueError, RecursionError):
        return None
    return value if _bounded(value) else None


def _refused(word: str) -> JsonValue:
    raise ValueError(word)


def _bounded(value: JsonValue) -> bool:
    """Tell whether a value is of bounded depth, and has no number that JSON would lose."""
    waiting = [(value, 1)]
    while waiting:
        part, depth = waiting.pop()
        if isinstance(part, (dict, list)):
            if depth > _DEEPEST:
                return False
            inside = part.values() if isinstance(part, dict) else part
            waiting += [(one, depth + 1) for one in inside]
        elif (isinstance(part, int) and not -(2**63) <= part < 2**64) or (
            isinstance(part, float) and part in (float("inf"), float("-inf"))
        ):
            return False
    return True


def _with_quotes(text: str) -> str:
    """Put quotes round the variables that stand outside of a JSON text's strings."""
    parts: list[str] = []
    at = 0
    for quoted in _QUOTED.finditer(text):
        parts += [NAMED.sub(r'"{{\1}}"', text[at : quoted.start()]), quoted[0]]
        at = quoted.end()
    return "".join([*parts, NAMED.sub(r'"{{\1}}"', text[at:])])
