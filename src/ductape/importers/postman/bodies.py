"""Postman's bodies: raw ones, forms of both kinds, GraphQL and files become an action's.

The files themselves are on the maker's machine: the caller gives them.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import cast

from msgspec import Struct

from ductape.domain.definitions.action import ContentType
from ductape.domain.files.content import mime_faults
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers.postman.fields import UNKNOWN, Fields
from ductape.importers.postman.samples import (
    Sample,
    bare_in,
    named_in,
    names_in,
    put,
    sample_of,
    without_comments,
)
from ductape.importers.postman.scopes import NAMED
from ductape.importers.sealing import looks_secret
from ductape.importers.values import LONGEST_NAME, a_list, a_text, an_object, as_written, member

_MIMES = {"xml": "application/xml", "html": "text/html", "javascript": "application/javascript"}
_FIELD = "body field `{}`"
_NO_FILE = "the collection has no file: give `{buffer, fileName, mimeType}`"


class Body(Struct, frozen=True):
    """What an action has of a body."""

    content_type: ContentType = "json"
    mime: str | None = None
    default: JsonValue = None
    required: bool = False
    """Whether it is asked for: nothing of it is known."""
    rules: JsonObject = {}
    part_types: JsonObject = {}
    """Field → the MIME type that its part says."""
    unique: Sequence[str] = ()
    """Fields that each request has anew, or has something new in; empty for the whole body."""

    @property
    def is_none(self) -> bool:
        """Whether nothing is sent, as far as the collection says."""
        return self == Body()


def body_of(given: JsonValue, fields: Fields, place: str) -> Body | str:
    """Return a request's body, or why it cannot be sent."""
    mode = member(given, "mode")
    match mode:
        case "raw":
            return _raw(an_object(given), fields, place)
        case "graphql":
            return _graphql(member(given, "graphql"), fields, place)
        case None | "" | "none":
            return Body()
        case "urlencoded" | "formdata":
            written = member(given, str(mode))
            form = _form if mode == "urlencoded" else _parts
            return form(a_list(written) or _pairs(a_text(written)), fields, place)
        case "file":
            return _file(member(given, "file"), fields, place)
        case _:
            return "its body is of a kind that is not known"


def _file(given: JsonValue, fields: Fields, place: str) -> Body:
    """Return a body of a file: the collection may have its text, as a rule only its path."""
    content, source = member(given, "content"), a_text(member(given, "src"))
    if not isinstance(content, str) or NAMED.search(content) or looks_secret(content):
        fields.report.leave_out(place, "body", _NO_FILE)
        return Body("file", required=True)
    file: JsonObject = {"buffer": b64encode(content.encode("utf-8", "replace")).decode()}
    name = re.split(r"[/\\]", source)[-1][:LONGEST_NAME]
    return Body("file", default={**file, "fileName": name} if name else file)


def _raw(given: JsonObject, fields: Fields, place: str) -> Body | str:
    text = a_text(given.get("raw"))
    language = a_text(member(member(given.get("options"), "raw"), "language"))
    if not text.strip():
        return Body()
    text = without_comments(text) if language == "json" else text
    value = sample_of(text) if language in ("", "json") else None
    named = any(map(NAMED.search, names_in(value)))
    fits = not named and all(map(fields.variables.fits_json, bare_in(value)))
    if fits or any(map(fields.variables.lacks, named_in(text))):  # Such a text is asked for whole.
        if isinstance(value, dict) and not named:
            return _object(value, fields, place)
        if isinstance(value, list) and not named:
            return _list(value, fields, place)
    return _text(text, _MIMES.get(language) or _guessed(text, language), fields, place)


def _object(value: dict[str, Sample], fields: Fields, place: str) -> Body:
    split = fields.split(value, place, _FIELD)
    nothing: JsonObject | None = None if value else {}
    asked = bool(value) and not split.known and not split.unique
    known = split.known or nothing
    return Body("json", None, known, asked, split.rules, unique=split.unique)


def _list(value: list[Sample], fields: Fields, place: str) -> Body:
    kept = fields.value("body", value, 1)
    if kept is UNKNOWN:
        fields.report.leave_out(place, "body", fields.lacking(value))
        return Body(required=True)
    own = [""] if fields.own_in(value, kept, place, "body") else []
    return Body("json", None, cast("JsonValue", kept), unique=own)


def _text(text: str, mime: str | None, fields: Fields, place: str) -> Body:
    kept = fields.sealed("body", text)
    if kept is None:
        fields.report.leave_out(place, "body", fields.lacking(text))
        return Body("text", mime, required=True)
    own = [""] if fields.own_in(text, kept, place, "body") else []
    return Body("text", mime, kept, unique=own)


def _guessed(text: str, language: str) -> str | None:
    if language == "json":
        return "application/json"
    return "application/xml" if language == "" and text.lstrip().startswith("<") else None


def _form(pairs: list[JsonValue], fields: Fields, place: str) -> Body:
    members: dict[str, Sample] = {}
    for name, one in _enabled(pairs, fields, place):
        put(members, name, as_written(member(one, "value")))
    split = fields.split(members, place, _FIELD)
    return Body("form", None, split.known or None, rules=split.rules, unique=split.unique)


def _parts(pairs: list[JsonValue], fields: Fields, place: str) -> Body:
    members: dict[str, Sample] = {}
    files: dict[str, int] = {}
    types: JsonObject = {}
    for name, one in _enabled(pairs, fields, place):
        types |= _part_type(name, one, fields, place)
        if member(one, "type") == "file":
            files[name] = files.get(name, 0) + max(len(a_list(member(one, "src"))), 1)
            fields.report.leave_out(place, _FIELD.format(name), _NO_FILE)
        else:
            put(members, name, _part(one))
    texts = {name: one for name, one in members.items() if name not in files}
    split = fields.split(texts, place, _FIELD)
    asked: JsonObject = {
        name: {"type": "OBJECT" if count == 1 else "OBJECT_ARRAY"} for name, count in files.items()
    }
    if not pairs:
        return Body()
    known, rules = split.known or None, split.rules | asked
    return Body("multipart", None, known, rules=rules, part_types=types, unique=split.unique)


def _part_type(name: str, one: JsonValue, fields: Fields, place: str) -> JsonObject:
    """Return what a part says that it is, by its name; nothing where it says what is usual."""
    mime = a_text(member(one, "contentType")).strip()
    usual = "application/json" if isinstance(_part(one), dict) else "text/plain"
    if mime.lower() in ("", "auto", usual):
        return {}
    if mime_faults(mime, ""):
        reason = f"its part does not say that it is {mime[:80]}"
        fields.report.leave_out(place, _FIELD.format(name), reason)
        return {}
    return {name: mime}


def _part(one: JsonValue) -> Sample:
    """Return the value of a part of text; one that is said to be JSON is sent so."""
    text = as_written(member(one, "value"))
    mime = a_text(member(one, "contentType")).partition(";")[0].strip().lower()
    value = sample_of(text) if mime == "application/json" or mime.endswith("+json") else None
    return value if isinstance(value, dict) else text


def _enabled(pairs: list[JsonValue], fields: Fields, place: str) -> Iterator[tuple[str, JsonValue]]:
    """Yield the fields that are sent, by name."""
    for one in pairs:
        written = a_text(member(one, "key"))
        told = _FIELD.format(written)
        if member(one, "disabled") is True:
            fields.report.leave_out(place, told, "it is disabled")
        elif written:
            name = fields.named(written, place, told)
            if name is not None:
                yield name, one
        elif as_written(member(one, "value")):
            fields.report.leave_out(place, "body field without a name", "it has none to be sent by")


def _pairs(text: str) -> list[JsonValue]:
    parts = [one.partition("=") for one in text.split("&") if one]
    return [{"key": name, "value": value} for name, _, value in parts]


def _graphql(given: JsonValue, fields: Fields, place: str) -> Body:
    query = a_text(member(given, "query"))
    written = member(given, "variables")
    variables = sample_of(written) if isinstance(written, str) else written
    if variables is None and isinstance(written, str) and written.strip():
        fields.report.leave_out(place, "body", "the GraphQL variables are no JSON")
    body: dict[str, Sample] = {"query": query}
    if isinstance(variables, dict) and variables:
        body["variables"] = variables
    name = member(given, "operationName")
    if isinstance(name, str) and name:
        body["operationName"] = name
    return _object(body, fields, place)
