"""The body of an operation: which of its forms is taken, and what its fields must be (SPEC 9).

JSON comes first, then forms, then text of any kind, XML and YAML among it, which the caller
writes out. Files, several parts and other bytes are none that an action sends.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.web import ContentType
from ductape.importers.documents import Broken, Documents, Node
from ductape.importers.openapi.schemas import Schemas
from ductape.importers.report import Report
from ductape.importers.values import an_object, member

_JSON, _MERGE = "application/json", "application/merge-patch+json"
_FORM = "application/x-www-form-urlencoded"
_TEXTS = ("xml", "yaml", "graphql", "ndjson", "jsonl", "json-seq", "javascript", "sql", "csv")
_ORDER: Mapping[ContentType, int] = {"json": 0, "form": 1, "text": 2}


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
    if kind is None or (kind != "text" and _is_bytes(schema, schemas)):
        return None
    return _Form(media, kind, schema, an_object(member(node.value, "encoding")))


def _kind(media: str) -> ContentType | None:
    """Tell how a media type is sent.

    >>> [_kind(media) for media in ("application/vnd.api+json", "*/*", "image/png", "text/csv")]
    ['json', 'json', None, 'text']
    """
    family, _, subtype = media.partition("/")
    if media == _FORM:
        return "form"
    if family == "text" and subtype != "json":
        return "text"
    if subtype in ("json", "x-json", "*", "*+json") or subtype.endswith("+json"):
        return "json" if family in ("application", "text", "*") else None
    return "text" if family == "application" and subtype.endswith(_TEXTS) else None


def _is_bytes(schema: Node, schemas: Schemas) -> bool:
    shape = schemas.shape(schema)
    return shape.is_only("string") and shape.format == "binary"


def _rank(form: _Form) -> tuple[int, int]:
    bare = form.media.partition(";")[0].strip().lower()
    favour = {_JSON: 0, _MERGE: 1}.get(bare, 3 if "*" in bare else 2)
    return _ORDER[form.content_type], favour


def _body(form: _Form, schemas: Schemas, report: Report, place: str, *, required: bool) -> Body:
    bare = form.media.partition(";")[0].strip().lower()
    usual = {"json": _JSON, "form": _FORM, "text": "text/plain"}[form.content_type]
    header = None if bare == usual or "*" in bare else form.media
    if form.content_type == "text":
        return Body("text", header)
    shape = schemas.shape(form.schema)
    if not shape.is_only("object"):
        return Body(form.content_type, header)
    rules: dict[str, JsonValue] = {}
    for name, choice in shape.fields.items():
        asked = required and name in shape.required
        field = schemas.of_field(choice)
        rule = schemas.rule(field, required=asked)
        if rule is not None:
            rules[name] = rule
        elif asked and not field.read_only:
            report.leave_out(place, f"body field `{name}`", "its type is open: it is not checked")
    return Body(form.content_type, header, rules, _styles(form, report, place))


def _styles(form: _Form, report: Report, place: str) -> dict[str, JsonValue]:
    """Return how the fields of a form are written, where not as usual."""
    styles: dict[str, JsonValue] = {}
    for name, given in form.encoding.items() if form.content_type == "form" else ():
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


def _listed(media: Iterable[str]) -> str:
    names = [one[:80] for one in media]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")  # noqa: PLR2004 (as many as a line holds)
