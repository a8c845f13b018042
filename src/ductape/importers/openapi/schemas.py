"""JSON Schema as far as a request rule can hold it: type, required, lengths (SPEC 9).

A rule must never refuse what the API takes. Where a schema leaves open what a value is, there is
no rule; patterns, ranges and enumerations are left to the API itself.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from ductape.domain.found import shortened
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers.documents import Broken, Documents, Node, reference_of
from ductape.importers.openapi.shapes import ANYTHING, BINARY, Either, Shape, all_of, either_of
from ductape.importers.resources import resources_of
from ductape.importers.values import a_count, a_list, a_text, an_object, member

_DEEPEST = 48
"""How many `allOf`, `oneOf`, `anyOf` and references inside one another are looked through."""
_NUMBERS = frozenset({"integer", "number"})
_UNMEASURED = frozenset({"integer", "number", "boolean"})
_TYPES = frozenset({"array", "boolean", "integer", "number", "object", "string"})


class Schemas:
    """The shapes of a document's schemas, each found once."""

    def __init__(self, documents: Documents, *, siblings: bool) -> None:
        """Take the documents; `siblings` tells whether what stands beside a `$ref` counts."""
        self._documents = documents
        self._siblings = siblings
        self._known: dict[int, Shape] = {}
        self._resources = resources_of(documents.read if siblings else {})
        self._lost: dict[str, None] = {}

    def shape(self, node: Node, depth: int = 0) -> Shape:
        """Return what a schema says."""
        value = node.value
        if not isinstance(value, dict) or depth > _DEEPEST:
            return ANYTHING
        known = self._known.get(id(value))
        if known is None:
            self._known[id(value)] = ANYTHING  # What it says of itself, in a circle, is nothing.
            known = self._known[id(value)] = self._read(value, node.home, depth + 1)
        return known

    def of_media(self, media: Node) -> Shape:
        """Return what the schema of a media type says, which may be one that is referred to."""
        found = self._documents.follow(media)
        if isinstance(found, Broken):
            self._lost[found.reason] = None
            return ANYTHING
        schema = member(found.value, "schema")
        return ANYTHING if schema is None else self.shape(Node(schema, found.home))

    def of_field(self, choice: Either) -> Shape:
        """Return what the schemas of one field say together."""
        each = (all_of(map(self.shape, group)) for group in choice)
        return either_of([*each]) if choice else ANYTHING

    def _read(self, value: JsonObject, home: str, depth: int) -> Shape:
        reference = reference_of(value) or self._dynamic(value)
        shape = ANYTHING if reference and not self._siblings else _own(value, home)
        if reference is not None:
            shape = all_of((self._referred(reference, home, value, depth), shape))
            if not self._siblings:
                return shape
        if parts := a_list(value.get("allOf")):
            shape = all_of((shape, *(self.shape(Node(part, home), depth) for part in parts)))
        for choices in (a_list(value.get("oneOf")), a_list(value.get("anyOf"))):
            if choices:
                each = [self.shape(Node(one, home), depth) for one in choices]
                nulls = any(_is_null(one) for one in choices)
                told = [
                    one for one, wrote in zip(each, choices, strict=True) if not _is_null(wrote)
                ]
                shape = all_of((shape, either_of(told, nullable=nulls)))
        return shape if shape.types else replace(shape, types=_implied(value))

    def _dynamic(self, value: JsonObject) -> str | None:
        """Return the reference that goes by who uses a schema, where only one can be meant."""
        reference = a_text(value.get("$dynamicRef")) if self._siblings else ""
        if self._resources.dynamic.get(reference.rpartition("#")[2], 0) <= 1:
            return reference or None
        told = f"its `$dynamicRef` {shortened(reference)!r} can mean several schemas"
        self._lost[f"{told}: it is not checked"] = None
        return None

    def _referred(self, reference: str, home: str, holder: JsonObject, depth: int) -> Shape:
        named = self._resources.target(reference, home, holder)
        target = named or self._documents.target(reference, home)
        if isinstance(target, Broken):
            self._lost[target.reason] = None
            return ANYTHING
        return self.shape(target, depth)

    def lost(self) -> list[str]:
        """Return why references were not followed, each once: those since the last time."""
        lost = [*self._lost]
        self._lost.clear()
        return lost

    def rule(self, shape: Shape, *, required: bool, files: bool = False) -> JsonObject | None:
        """Return the rule of a field of a shape; none where it may be of several types.

        With `files`, bytes are given as an object (`domain.multipart`), else as a text.
        """
        kind = self._data_type(shape, files=files)
        if kind is None:
            return None
        rule: JsonObject = {"type": kind}
        if not required or shape.nullable or shape.read_only:
            rule["required"] = False
        if not (files and shape.binary) and not (shape.types or frozenset()) & _UNMEASURED:
            rule |= _bounds(shape)
        return rule

    def _data_type(self, shape: Shape, *, files: bool = False) -> str | None:
        if files and shape.binary:
            alone = shape.format == BINARY and shape.types in (None, frozenset({"string"}))
            return "OBJECT" if alone else None
        match sorted(shape.types or ()):
            case ["string"]:
                return _text_type(shape)
            case ["integer", "number"] | ["number"]:
                return "DOUBLE" if shape.format == "double" else "FLOAT"
            case ["array"]:
                return self._list_type(shape, files=files)
            case [kind]:
                return kind.upper()
            case _:
                return None

    def _list_type(self, shape: Shape, *, files: bool) -> str:
        if shape.items is None:
            return "ARRAY"
        item = self.shape(shape.items)
        kind = None if item.nullable else self._data_type(item, files=files)
        return "ARRAY" if kind is None or kind.endswith("ARRAY") else f"{kind}_ARRAY"


_TEXTS = {
    "date": "DATE",
    "date-time": "DATE_STRING",
    "email": "EMAIL_STRING",
    "uuid": "UUID",
}
_LENGTHS = {"date": (10, 10), "date-time": (20, 40), "email": (3, 320), "uuid": (36, 36)}
"""How long a text of a format is: makers write formats beside lengths that no such text has."""


def _bounds(shape: Shape) -> JsonObject:
    """Return the lengths of a shape's values; none where its schemas contradict one another."""
    least, most = shape.least or 0, shape.most
    if most is not None and most < least:
        return {}
    bounds: JsonObject = {"minlength": least} if least else {}
    return bounds if most is None else {**bounds, "maxlength": most}


def _text_type(shape: Shape) -> str:
    shortest, longest = _LENGTHS.get(shape.format, (0, 0))
    apart = (shape.least or 0) > longest or (shape.most is not None and shape.most < shortest)
    return "STRING" if apart else _TEXTS.get(shape.format, "STRING")


def _own(value: JsonObject, home: str) -> Shape:
    """Return what a schema says without its references and choices."""
    types = _types(value)
    meant = types or _implied(value)
    measured = () if _lists(value) else _measured(meant)
    lengths = [value.get(f"{end}{what}") for end in ("min", "max") for what in measured]
    items = value.get("items")
    properties = an_object(value.get("properties"))
    binary = _is_bytes(value, meant)
    return Shape(
        types=types,
        nullable=value.get("nullable") is True or _allows_null(value),
        format=BINARY if binary else _format(value),
        least=a_count(lengths[0]) if lengths else None,
        most=a_count(lengths[1]) if lengths else None,
        items=Node(items, home) if isinstance(items, dict) else None,
        fields={name: ((Node(inner, home),),) for name, inner in properties.items()},
        required=frozenset(name for name in a_list(value.get("required")) if isinstance(name, str)),
        read_only=value.get("readOnly") is True,
        binary=binary,
    )


def _is_bytes(value: JsonObject, types: frozenset[str] | None) -> bool:
    """Tell whether a schema stands for bytes, as 3.0 (`format`) or 3.1 (`contentMediaType`) do."""
    if types not in (None, frozenset({"string"})):
        return False
    raw = "contentMediaType" in value and "contentEncoding" not in value
    return raw or value.get("format") == BINARY


def _measured(types: frozenset[str] | None) -> tuple[str, ...]:
    """Name what is measured of a value, where that is one thing."""
    match sorted(types or ()):
        case ["string"]:
            return ("Length",)
        case ["array"]:
            return ("Items",)
        case ["object"]:
            return ("Properties",)
        case _:
            return ()


def _types(value: JsonObject) -> frozenset[str] | None:
    """Return the types that a schema names, with those of what it lists beside them.

    None where it says nothing, or what it lists is of other types alone.
    """
    given = value.get("type")
    written = [given] if isinstance(given, str) else a_list(given)
    types = frozenset(one for one in written if isinstance(one, str) and one in _TYPES)
    if not _lists(value):
        return types or None
    listed = _kinds([value["const"]] if "const" in value else a_list(value["enum"]))
    if not types or listed is None:
        return types or listed
    named = types | _NUMBERS if types & _NUMBERS else types
    if listed <= named:
        return types
    return types | listed if listed & named else None


def _implied(value: JsonObject) -> frozenset[str] | None:
    """Return the type that a schema only makes sense for; what it lists says more."""
    if _lists(value):
        return None
    if value.get("properties"):
        return frozenset({"object"})
    return frozenset({"array"}) if isinstance(value.get("items"), dict) else None


def _format(value: JsonObject) -> str:
    """Return a text's format; where the texts themselves are listed, they count."""
    return "" if _lists(value) else a_text(value.get("format"))


def _lists(value: JsonObject) -> bool:
    """Tell whether a schema lists its values; what else it says of them then counts less."""
    return isinstance(value.get("enum"), list) or "const" in value


def _kinds(values: Iterable[JsonValue]) -> frozenset[str] | None:
    found = {_kind(value) for value in values if value is not None}
    return frozenset(found) or None


def _kind(value: JsonValue) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _allows_null(value: JsonObject) -> bool:
    given = value.get("type")
    named = given == "null" or (isinstance(given, list) and "null" in given)
    listed = value.get("enum")
    return named or (isinstance(listed, list) and None in listed) or value.get("const", 0) is None


def _is_null(value: JsonValue) -> bool:
    """Tell whether a schema stands for null and nothing else."""
    kind = member(value, "type")
    return kind in ("null", ["null"]) or member(value, "enum") == [None]
