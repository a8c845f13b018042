"""Whole queries (`in: querystring`, OpenAPI 3.2): a form's fields are parameters of their own."""

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers.documents import Broken, Documents, Node
from ductape.importers.openapi.schemas import Schemas
from ductape.importers.openapi.shapes import Either
from ductape.importers.openapi.styles import Parameter
from ductape.importers.values import an_object, member

WHOLE = "querystring"
_FORM = "application/x-www-form-urlencoded"
_STYLED = ("style", "explode", "allowReserved")


def in_parts(
    parameters: list[Parameter], documents: Documents, schemas: Schemas
) -> tuple[list[Parameter], list[str]]:
    """Return parameters with whole queries as their fields, and the media types of other ones."""
    parts: list[Parameter] = []
    others: list[str] = []
    for one in parameters:
        if one.where != WHOLE:
            parts.append(one)
            continue
        content = an_object(one.value.get("content"))
        form = next((media for media in content if _bare(media) == _FORM), None)
        if form is None:
            others.append(next(iter(content), "of no media type")[:80])
        else:
            parts += _fields(one, Node(content[form], one.home), documents, schemas)
    return parts, others


def _bare(media: str) -> str:
    return media.partition(";")[0].strip().lower()


def _fields(
    whole: Parameter, media: Node, documents: Documents, schemas: Schemas
) -> list[Parameter]:
    shape = schemas.of_media(media)
    found = documents.follow(media)
    if isinstance(found, Broken):
        return []  # The schemas tell that it leads nowhere.
    encoding = an_object(member(found.value, "encoding"))
    asked = shape.required if whole.value.get("required") is True else frozenset[str]()
    parts: list[Parameter] = []
    for name, choice in shape.fields.items():
        schema = _schema_of(choice, whole.home)
        value = {**_styled(encoding.get(name)), "schema": schema.value, "required": name in asked}
        parts.append(Parameter(name, "query", value, schema.home))
    return parts


def _schema_of(choice: Either, home: str) -> Node:
    """Return the schema of a field; an open one where several hold together."""
    match choice:
        case ((only,),):
            return only
        case _:
            return Node({}, home)


def _styled(encoding: JsonValue) -> JsonObject:
    given = an_object(encoding)
    return {key: given[key] for key in _STYLED if key in given}
