"""What a schema says of a value, and what several say together: all of them, or one of them.

Whatever they leave open stays open: of what is not known nothing is asked.
"""

from collections.abc import Iterable, Mapping
from typing import cast

from msgspec import Struct, field
from msgspec.structs import replace

from ductape.importers.documents import Node

Both = tuple[Node, ...]
"""Schemas that all hold."""

Either = tuple[Both, ...]
"""Schemas one of which holds; none at all means anything."""

BINARY = "binary"
"""The format of bytes."""

_MOST_CHOICES = 16


class Shape(Struct, frozen=True):
    """What a schema says of a value."""

    types: frozenset[str] | None = None
    """JSON types, null apart; none where it does not say."""
    nullable: bool = False
    format: str = ""
    least: int | None = None
    """Of the length."""
    most: int | None = None
    items: Node | None = None
    fields: Mapping[str, Either] = field(default_factory=dict[str, Either])
    required: frozenset[str] = frozenset()
    read_only: bool = False
    binary: bool = False
    """Whether it may be bytes; it is nothing else where its format is `BINARY`."""

    def is_only(self, kind: str) -> bool:
        """Tell whether a value can be of one type alone."""
        return self.types == frozenset({kind})


ANYTHING = Shape()


def all_of(shapes: Iterable[Shape]) -> Shape:
    """Return what several schemas say that all hold."""
    whole = ANYTHING
    fields: dict[str, Either] = {}
    required = set[str]()
    for shape in shapes:
        whole = _both(whole, shape)
        required |= shape.required
        for name, choice in shape.fields.items():
            fields[name] = _crossed(fields[name], choice) if name in fields else choice
    return replace(whole, fields=fields, required=frozenset(required))


def _both(one: Shape, other: Shape) -> Shape:
    """Return what two schemas say that both hold, but for their fields."""
    return Shape(
        types=_common(one.types, other.types),
        nullable=one.nullable or other.nullable,
        format=one.format or other.format,
        least=max((n for n in (one.least, other.least) if n is not None), default=None),
        most=min((n for n in (one.most, other.most) if n is not None), default=None),
        items=one.items or other.items,
        read_only=one.read_only or other.read_only,
        binary=one.binary or other.binary,
    )


def either_of(shapes: list[Shape], *, nullable: bool = False) -> Shape:
    """Return what holds whichever of several schemas does."""
    if not shapes:
        return Shape(nullable=nullable)
    if len(shapes) == 1 and not nullable:
        return shapes[0]
    first = shapes[0]
    known = all(shape.types for shape in shapes)
    types = frozenset[str]().union(*(shape.types or () for shape in shapes))
    alike = all(shape.format == first.format for shape in shapes)
    leasts = [shape.least for shape in shapes]
    mosts = [shape.most for shape in shapes]
    return Shape(
        types=types if known else None,
        nullable=nullable or any(shape.nullable for shape in shapes),
        format=first.format if alike else "",
        least=None if None in leasts else min(cast("list[int]", leasts)),
        most=None if None in mosts else max(cast("list[int]", mosts)),
        items=first.items if len(shapes) == 1 else None,
        fields=_any_fields(shapes),
        required=first.required.intersection(*(shape.required for shape in shapes)),
        read_only=all(shape.read_only for shape in shapes),
        binary=any(shape.binary for shape in shapes),
    )


def _any_fields(shapes: list[Shape]) -> dict[str, Either]:
    fields: dict[str, Either] = {}
    for shape in shapes:
        for name, choice in shape.fields.items():
            if name not in fields:
                fields[name] = choice
            elif fields[name]:
                fields[name] = _joined(fields[name], choice)
    return fields


def _crossed(one: Either, other: Either) -> Either:
    """Return the choices where both hold; none at all, which is anything, if they are many."""
    if not one or not other:
        return one or other
    if len(one) * len(other) > _MOST_CHOICES:
        return ()
    crossed = tuple(_once((*left, *right)) for left in one for right in other)
    return () if any(len(group) > _MOST_CHOICES for group in crossed) else crossed


def _once(nodes: Both) -> Both:
    """Return the nodes without repetitions: the same part of the document is one."""
    return tuple({id(node.value): node for node in nodes}.values())


def _common(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return one or other
    if both := one & other:
        return both
    numbers = {"integer", "number"}
    return frozenset({"integer"}) if (one | other) <= numbers else None


def _joined(one: Either, other: Either) -> Either:
    """Return the choices of both, each once; none at all, which is anything, if they are many."""
    known = {tuple(id(node.value) for node in group) for group in one}
    new = tuple(g for g in other if tuple(id(node.value) for node in g) not in known)
    return one + new if other and len(one + new) <= _MOST_CHOICES else ()
