"""Going through a whole product: every thing in it, every list of things, each with its path."""

from collections.abc import Callable, Iterator
from typing import cast

from msgspec import Struct, structs

from ductape.domain.found import path_to
from ductape.domain.product.format.document import Product

Things = tuple[Struct, ...]

_WORDS = ("name", "description")
"""What people read: never resolved. Where a thing has others, its `WORDS` say so."""


def things_of(part: Struct, path: str = "") -> Iterator[tuple[str, Struct]]:
    """Yield every struct below a part, the part first."""
    yield path, part
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if isinstance(value, Struct):
            yield from things_of(value, path_to(path, name))
        elif things := _things(value):
            where = path_to(path, name)  # Of the few that lead on: documents have many thousands.
            for at, thing in enumerate(things):
                yield from things_of(thing, f"{where}[{at}]")


def lists_of(product: Product) -> Iterator[tuple[str, Things]]:
    """Yield every list of things."""
    for path, thing in things_of(product):
        for name, value in structs.asdict(thing).items():
            if things := _things(value):
                yield path_to(path, name), things


def values_of(
    part: Struct, path: str, wanted: Callable[[object], bool]
) -> Iterator[tuple[str, object]]:
    """Yield the wanted ones of the plain values below a part; words that people read are none."""
    for where, thing in things_of(part, path):
        words = getattr(thing, "WORDS", _WORDS)
        for name, value in structs.asdict(thing).items():
            if name in words or isinstance(value, Struct) or _things(value):
                continue
            if wanted(value):
                yield path_to(where, name), value


def name_of(thing: Struct) -> tuple[str, str | None]:
    """Return by which key a thing is known in its list, and as what; none where it has no name.

    >>> from ductape.domain.product.format.document import Env
    >>> name_of(Env(slug="dev"))
    ('slug', 'dev')
    """
    key = next(key for key in ("tag", "slug", "key") if key in thing.__struct_fields__)
    return key, cast("str | None", getattr(thing, key))


def _things(value: object) -> Things:
    if isinstance(value, tuple) and value and isinstance(value[0], Struct):
        return cast("Things", value)
    return ()
