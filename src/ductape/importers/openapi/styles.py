"""How a parameter is written: OpenAPI's styles as those that an action has (SPEC 9).

Which of them count depends on what a value can be: a scalar alone is written the same by most.
"""

from collections.abc import Mapping

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject
from ductape.domain.pairs import Style
from ductape.importers.openapi.paths import Style as PathStyle
from ductape.importers.openapi.shapes import Shape
from ductape.importers.values import a_text, an_object

_SEVERAL = frozenset({"array", "object"})
_JOINTS: Mapping[str, Style] = {"form": "comma", "spaceDelimited": "space", "pipeDelimited": "pipe"}
_FORMS = frozenset({*_JOINTS, "deepObject"})


class Parameter(Struct, frozen=True):
    """One parameter, its references followed."""

    name: str
    where: str
    value: JsonObject
    home: str

    @property
    def called(self) -> str:
        """Its name, in small letters where its case does not count."""
        return self.name.lower() if self.where == "header" else self.name

    @property
    def style(self) -> str:
        """How it is written."""
        given = a_text(self.value.get("style"))
        return given or ("form" if self.where in ("query", "cookie") else "simple")

    @property
    def explodes(self) -> bool:
        """Whether its parts are written one by one."""
        given = self.value.get("explode")
        return given if isinstance(given, bool) else self.style in ("form", "deepObject", "cookie")

    @property
    def has_media(self) -> bool:
        """Whether it is written as a media type says, and not by a style."""
        return self.value.get("content") is not None

    @property
    def written_out(self) -> str:
        """The media type that the caller writes it out in; empty for JSON and for a style."""
        media = next(iter(an_object(self.value.get("content"))), "")
        bare = media.partition(";")[0].strip().lower()
        return "" if bare.endswith(("/json", "+json")) else bare


def query_style(one: Parameter, shape: Shape) -> Style | None:
    """Return how a value of a query is written; none for as usual."""
    several = _may_be_several(shape)
    if one.has_media:
        return _of_media(one)
    if one.style == "deepObject":
        return "brackets"
    if one.explodes:
        objects = shape.types is None or "object" in shape.types
        return "spread" if one.style == "form" and objects else None
    return _JOINTS.get(one.style) if several else None


def knows_query_style(one: Parameter) -> bool:
    """Tell whether a query can be written in a parameter's style."""
    return one.has_media or one.style in _FORMS


def path_styles(one: Parameter, shape: Shape) -> tuple[PathStyle, Style | None]:
    """Return what the path itself writes of a parameter, and how its value is written."""
    if one.has_media:
        return "simple", _of_media(one)
    several = _may_be_several(shape)
    match one.style:
        case "label":
            return "label", (("dots" if one.explodes else "comma") if several else None)
        case "matrix" if several and one.explodes:
            return "simple", "matrix"
        case "matrix":
            return "matrix", "comma" if several else None
        case _:
            return "simple", (_simple(one) if several else None)


def header_style(one: Parameter, shape: Shape) -> Style | None:
    """Return how a header's value is written, or that it is a cookie; none for as usual."""
    if one.where == "cookie":
        return "cookies" if one.explodes and _may_be_several(shape) else "cookie"
    if one.has_media:
        return _of_media(one)
    return _simple(one) if _may_be_several(shape) else None


def _of_media(one: Parameter) -> Style | None:
    return None if one.written_out else "json"


def _simple(one: Parameter) -> Style:
    return "equals" if one.explodes else "comma"


def _may_be_several(shape: Shape) -> bool:
    return shape.types is None or bool(shape.types & _SEVERAL)
