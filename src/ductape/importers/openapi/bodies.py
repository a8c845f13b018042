"""The body of an operation: which of its forms is taken, and what its fields must be (SPEC 9).

JSON comes first, then forms, those of several parts after the others, then text of any kind, XML
and YAML among it, which the caller writes out, then whatever else there is, as a file. Other bodies
of several parts are none that an action sends.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from ductape.domain.definitions.action import ContentType
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


class Body(Struct, frozen=True):
    """What an action says of its body."""

    content_type: ContentType = "json"
    header: str | None = None
    """The `Content-Type`, where it is another than the usual one."""
    rules: dict[str, JsonValue] | None = None
    styles: Mapping[str, JsonValue] | None = None


class _Form(Struct, frozen=True):
    """One way to write the body."""

    media: str
    content_type: ContentType
    schema: Node
    encoding: JsonObject


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
    kind = _kind(media.partition(";")[0].strip().lower())
    if kind in ("json", "form", "multipart") and _is_bytes(schema, schemas):
        kind = "file" if kind == "json" else None
    if kind is None:
        return None
    return _Form(media, kind, schema, an_object(member(node.value, "encoding")))


def _kind(media: str) -> ContentType | None:
    """Tell how a media type is sent.

    >>> [_kind(media) for media in ("application/vnd.api+json", "*/*", "image/png", "text/csv")]
    ['json', 'json', 'file', 'text']
    >>> _kind("multipart/mixed") is None
    True
    """
    family, _, subtype = media.partition("/")
    if media in (_FORM, _PARTS):
        return "form" if media == _FORM else "multipart"
    if family == "text" and subtype != "json":
        return "text"
    named = subtype in ("json", "x-json", "*", "*+json") or subtype.endswith("+json")
    if named and family in ("application", "text", "*"):
        return "json"
    if family == "application" and subtype.endswith(_TEXTS):
        return "text"
    return None if family in ("multipart", "message") or not subtype else "file"


def _is_bytes(schema: Node, schemas: Schemas) -> bool:
    shape = schemas.shape(schema)
    return shape.is_only("string") and shape.format == "binary"


def _rank(form: _Form) -> tuple[int, int]:
    bare = form.media.partition(";")[0].strip().lower()
    favour = {_JSON: 0, _MERGE: 1}.get(bare, 3 if "*" in bare else 2)
    return _ORDER[form.content_type], favour


def _body(form: _Form, schemas: Schemas, report: Report, place: str, *, required: bool) -> Body:
    bare = form.media.partition(";")[0].strip().lower()
    usual = _USUAL[form.content_type]
    header = None if bare == usual or "*" in bare else form.media
    if form.content_type in ("text", "file"):
        return Body(form.content_type, header)
    shape = schemas.shape(form.schema)
    if not shape.is_only("object"):
        return Body(form.content_type, header)
    rules: dict[str, JsonValue] = {}
    for name, choice in shape.fields.items():
        asked = required and name in shape.required
        field = schemas.of_field(choice)
        rule = schemas.rule(field, required=asked, files=form.content_type == "multipart")
        if rule is not None:
            rules[name] = rule
        elif asked and not field.read_only:
            report.leave_out(place, f"body field `{name}`", "its type is open: it is not checked")
    styles = _styles(form, report, place)
    if form.content_type == "multipart":
        styles |= _parts(form, shape, schemas, report, place)
    return Body(form.content_type, header, rules, styles)


def _styles(form: _Form, report: Report, place: str) -> dict[str, JsonValue]:
    """Return how the fields of a form are written, where not as usual."""
    styles: dict[str, JsonValue] = {}
    for name, given in form.encoding.items() if form.content_type in ("form", "multipart") else ():
        style = member(given, "style")
        explode = member(given, "explode")
        match style:
            case None:
                continue
            case "deepObject":
                styles[f"body:{name}"] = "brackets"
            case "form" | "spaceDelimited" | "pipeDelimited":
                joint = {"form": "comma", "spaceDelimited": "space", "pipeDelimited": "pipe"}
                exploded = explode is True or (explode is None and style == "form")
                if not exploded:
                    styles[f"body:{name}"] = joint[style]
            case _:
                report.leave_out(place, f"body field `{name}`", "its style is not known")
    return styles


def _parts(
    form: _Form, shape: Shape, schemas: Schemas, report: Report, place: str
) -> dict[str, JsonValue]:
    """Return which parts are JSON although they are lists; tell what else their parts would say."""
    styles: dict[str, JsonValue] = {}
    for name, given in form.encoding.items():
        told = f"body field `{name}`"
        field = schemas.of_field(shape.fields.get(name, ()))
        if member(given, "headers"):
            report.leave_out(place, told, "the headers of its part are not sent")
        mime = a_text(member(given, "contentType")).partition(";")[0].strip().lower()
        if mime == _JSON and field.is_only("array"):
            styles[f"body:{name}"] = "json"
        elif not (field.binary or mime in ("", "text/plain", "*/*")) and not (
            mime == _JSON and field.is_only("object")
        ):
            report.leave_out(place, told, f"its part does not say that it is {mime[:80]}")
    return styles


def _listed(media: Iterable[str]) -> str:
    names = [one[:80] for one in media]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")  # noqa: PLR2004 (as many as a line holds)
