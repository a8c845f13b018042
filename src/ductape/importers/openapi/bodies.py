"""The body of an operation: which of its forms is taken, and what its fields must be (SPEC 9).

JSON comes first, then forms, those of several parts after the others, then text of any kind, XML
and YAML among it, which the caller writes out, then whatever else there is, as a file.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from ductape.domain.definitions.action import ContentType
from ductape.domain.files.content import mime_faults
from ductape.domain.http.parts import header_faults
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers.documents import Broken, Documents, Node
from ductape.importers.openapi.schemas import Schemas
from ductape.importers.openapi.shapes import Shape
from ductape.importers.report import Report
from ductape.importers.values import a_text, an_object, member

_JSON, _MERGE = "application/json", "application/merge-patch+json"
_FORM = "application/x-www-form-urlencoded"
_PARTS = "multipart/form-data"
_TEXTS = ("xml", "yaml", "graphql", "ndjson", "jsonl", "json-seq", "javascript", "sql", "csv")
_USUAL: Mapping[ContentType, str] = {
    "json": _JSON,
    "form": _FORM,
    "multipart": _PARTS,
    "text": "text/plain",
    "file": "",
}
_ORDER: Mapping[ContentType, int] = {"json": 0, "form": 1, "multipart": 2, "text": 3, "file": 4}
_NAMELESS = "the document does not name its fields: give them by the names that the API has"
_CHARSET = re.compile(r""";\s*charset\s*=\s*"?([^";\s]*)"?\s*""", re.IGNORECASE)

_JOINTS: Mapping[str, JsonValue] = {
    "deepObject": "brackets",
    "form": "comma",
    "pipeDelimited": "pipe",
    "spaceDelimited": "space",
}


class Body(Struct, frozen=True):
    """What an action says of its body."""

    content_type: ContentType = "json"
    header: str | None = None
    """The `Content-Type`, where it is another than the usual one."""
    rules: dict[str, JsonValue] | None = None
    styles: Mapping[str, JsonValue] | None = None
    reserved: Sequence[JsonValue] = ()
    """`body:name` of what is sent with its reserved signs as they are."""
    part_types: Mapping[str, JsonValue] | None = None
    """Field → the MIME type that its part says."""
    required: bool = False
    """Whether there must be one, where no rule of its fields asks for it."""


class _Form(Struct, frozen=True):
    """One way to write the body."""

    media: str
    content_type: ContentType
    schema: Node
    encoding: JsonObject
    nameless: bool = False
    """Whether it is a form whose fields the document does not name."""


def body_of(
    operation: Node, documents: Documents, schemas: Schemas, report: Report, place: str
) -> Body | str | None:
    """Return an operation's body, none where it has none, or why it cannot be sent."""
    given = member(operation.value, "requestBody")
    if given is None:
        return None
    node = documents.follow(Node(given, operation.home))
    if isinstance(node, Broken):
        return f"its body cannot be read: {node.reason}"
    content = an_object(member(node.value, "content"))
    if not content:
        return None
    forms = [form for media in content if (form := _form(media, content, node, documents, schemas))]
    if not forms:
        return f"its body is {_listed(content)}, which an action does not send"
    best = min(forms, key=_rank)
    if others := [media for media in content if media != best.media]:
        report.leave_out(place, "body", f"it can also be {_listed(others)}")
    required = member(node.value, "required") is True
    return _body(best, schemas, report, place, required=required)


def _form(
    media: str, content: JsonObject, holder: Node, documents: Documents, schemas: Schemas
) -> _Form | None:
    node = documents.follow(Node(content[media], holder.home))
    if isinstance(node, Broken):
        return None
    schema = Node(member(node.value, "schema"), node.home)
    bare = media.partition(";")[0].strip().lower()
    kind = None if header_faults({"Content-Type": media}, "") else _kind(bare)
    if kind == "json" and _is_bytes(schema, schemas):
        kind = "file"
    types = schemas.shape(schema).types
    other_parts = kind == "multipart" and bare != _PARTS
    if kind is None or (other_parts and types != frozenset({"object"})):
        return None  # Parts without names: a text that only the caller could write.
    nameless = kind in ("form", "multipart") and types is not None and "object" not in types
    return _Form(media, kind, schema, an_object(member(node.value, "encoding")), nameless)


def _kind(media: str) -> ContentType | None:
    """Tell how a media type is sent, if at all.

    >>> [_kind(media) for media in ("application/vnd.api+json", "*/*", "image/png", "text/csv")]
    ['json', 'json', 'file', 'text']
    >>> _kind("multipart/mixed"), _kind("json") is None
    ('multipart', True)
    """
    family, _, subtype = media.partition("/")
    if media == _FORM:
        return "form"
    if family == "multipart" and subtype:
        return "multipart"
    if family == "text" and subtype != "json":
        return "text"
    named = subtype in ("json", "x-json", "*", "*+json") or subtype.endswith("+json")
    if named and family in ("application", "text", "*"):
        return "json"
    if family == "application" and subtype.endswith(_TEXTS):
        return "text"
    return "file" if subtype else None


def _is_bytes(schema: Node, schemas: Schemas) -> bool:
    shape = schemas.shape(schema)
    return shape.is_only("string") and shape.format == "binary"


def _rank(form: _Form) -> tuple[bool, int, int]:
    bare = form.media.partition(";")[0].strip().lower()
    favour = {_JSON: 0, _PARTS: 0, _MERGE: 1}.get(bare, 3 if "*" in bare else 2)
    return form.nameless, _ORDER[form.content_type], favour


def _body(form: _Form, schemas: Schemas, report: Report, place: str, *, required: bool) -> Body:
    bare = form.media.partition(";")[0].strip().lower()
    usual = _USUAL[form.content_type]
    said = _in_utf8(form, report, place)
    header = None if said.lower() == usual or "*" in bare else said
    bare_body = Body(form.content_type, header, required=required)
    if form.content_type in ("text", "file"):
        return bare_body
    shape = schemas.shape(form.schema)
    if form.nameless:
        report.leave_out(place, "body", _NAMELESS)
    if not shape.is_only("object"):
        return bare_body
    rules: dict[str, JsonValue] = {}
    for name, choice in shape.fields.items():
        asked = required and name in shape.required
        field = schemas.of_field(choice)
        rule = schemas.rule(field, required=asked, files=form.content_type == "multipart")
        if rule is not None:
            rules[name] = rule
        elif asked and not field.read_only:
            report.leave_out(place, f"body field `{name}`", "its type is open: it is not checked")
    styles = _styles(form, shape, schemas, report, place)
    types: dict[str, JsonValue] = {}
    if form.content_type == "multipart":
        parts = _parts(form, shape, schemas, report, place)
        styles |= parts.styles
        types |= parts.types
    asks = any(member(rule, "required") is not False for rule in rules.values())
    reserved = _reserved(form)
    return Body(form.content_type, header, rules, styles, reserved, types, required and not asks)


def _in_utf8(form: _Form, report: Report, place: str) -> str:
    """Return what the body says that it is: text is sent in UTF-8, whatever the document has."""
    found = _CHARSET.search(form.media)
    if found is None or found[1].lower() in ("utf-8", "utf8") or form.content_type == "file":
        return form.media.strip()
    report.leave_out(place, "body", f"it is sent in UTF-8, not in {found[1][:40]}")
    return _CHARSET.sub("", form.media).strip()


def _styles(
    form: _Form, shape: Shape, schemas: Schemas, report: Report, place: str
) -> dict[str, JsonValue]:
    """Return how the fields of a form are written, where not as usual."""
    styles: dict[str, JsonValue] = {}
    for name, given in form.encoding.items() if form.content_type in ("form", "multipart") else ():
        explode = member(given, "explode")
        style = a_text(member(given, "style")) or ("form" if isinstance(explode, bool) else "")
        if not style:
            continue
        if style not in _JOINTS:
            report.leave_out(place, f"body field `{name}`", "its style is not known")
            continue
        exploded = explode is True or (explode is None and style in ("form", "deepObject"))
        field = schemas.of_field(shape.fields.get(name, ()))
        if style == "deepObject" or not exploded:
            styles[f"body:{name}"] = _JOINTS[style]
        elif style == "form" and field.is_only("object") and form.content_type == "form":
            styles[f"body:{name}"] = "spread"
    return styles


def _reserved(form: _Form) -> Sequence[JsonValue]:
    """Return the fields of a form whose reserved signs are sent as they are."""
    if form.content_type != "form":
        return ()
    return [f"body:{name}" for name, one in form.encoding.items() if _keeps_reserved(one)]


def _keeps_reserved(encoding: JsonValue) -> bool:
    return member(encoding, "allowReserved") is True


class _Parts(Struct, frozen=True):
    styles: dict[str, JsonValue]
    types: dict[str, JsonValue]


def _parts(form: _Form, shape: Shape, schemas: Schemas, report: Report, place: str) -> _Parts:
    """Return what the parts of a body say that they are, and which of them are JSON."""
    parts = _Parts({}, {})
    for name, given in form.encoding.items():
        told = f"body field `{name}`"
        field = schemas.of_field(shape.fields.get(name, ()))
        if member(given, "headers"):
            report.leave_out(place, told, "the headers of its part are not sent")
        listed = [one.strip() for one in a_text(member(given, "contentType")).split(",")]
        mime = listed[0]
        bare = mime.partition(";")[0].strip().lower()
        is_json = bare == _JSON or bare.endswith("+json")
        if mime_faults(mime, "") or "*" in mime or (field.binary and len(listed) > 1):
            continue  # The file says, or what it looks like.
        if field.is_only("object") and not is_json:
            reason = f"its part is JSON and does not say that it is {bare[:80]}"
            report.leave_out(place, told, reason)
            continue
        if field.is_only("array") and is_json:
            parts.styles[f"body:{name}"] = "json"
        if mime.lower() not in (_JSON, "text/plain"):
            parts.types[name] = mime
    return parts


def _listed(media: Iterable[str]) -> str:
    names = [one[:80] for one in media]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")  # noqa: PLR2004 (as many as a line holds)
