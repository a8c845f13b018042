"""Values as the pairs of a query or a form, each written as its style says (SPEC 9).

Without a style a list repeats its name, an object is JSON, null is left out. The styles are those
that OpenAPI has for what APIs do otherwise. What commas join stays apart until it is encoded: a
comma inside of an item is none between items.
"""

import re
from collections.abc import Container, Iterator, Mapping
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote, quote_plus

import msgspec
from msgspec import Struct

from ductape.domain.jsonvalue import JsonValue


class Reserved(Struct, frozen=True):
    """Texts that commas join, whose reserved signs are part of what they say (RFC 6570, 3.2.3)."""

    texts: tuple[str, ...]


Text = str | tuple[str, ...] | Reserved
"""One text, or several that commas join."""
Pairs = tuple[tuple[str, Text], ...]
Style = Literal[
    "brackets",
    "comma",
    "cookie",
    "cookies",
    "dots",
    "equals",
    "json",
    "matrix",
    "pipe",
    "space",
    "spread",
]
Styles = Mapping[str, Style]
"""`query:name`, `body:name`, `params:name`, `headers:name` → how that value is written."""

STYLES_OF: Mapping[str, frozenset[Style]] = MappingProxyType(
    {
        "query": frozenset({"brackets", "comma", "json", "pipe", "space", "spread"}),
        "body": frozenset({"brackets", "comma", "json", "pipe", "space", "spread"}),
        "params": frozenset({"comma", "dots", "equals", "json", "matrix"}),
        "headers": frozenset({"comma", "cookie", "cookies", "equals", "json"}),
    }
)
"""Part of a request → the styles that its values may have."""

AS_USUAL: Styles = MappingProxyType({})

RESERVED_PARTS = frozenset({"query", "body"})
"""Parts of a request whose values may have reserved signs as they are."""
_RESERVED = "%:/?@!$'()*+,;=~"
"""Those that neither end a value nor a query; what is percent-encoded already stays so too."""
_NO_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_JOINTS: Mapping[Style, str] = {"pipe": "|", "space": " "}


def query_pairs(
    values: Mapping[str, JsonValue],
    styles: Styles = AS_USUAL,
    part: Literal["query", "body"] = "query",
    reserved: Container[str] = (),
) -> Pairs:
    """Return the pairs of a query or a form; `reserved` names values as `query:name`.

    >>> query_pairs({"tag": ["a", "b"], "limit": 5, "deep": True, "none": None})
    (('tag', 'a'), ('tag', 'b'), ('limit', '5'), ('deep', 'true'))
    >>> query_pairs({"ids": [1, 2]}, {"query:ids": "comma"})
    (('ids', ('1', '2')),)
    >>> query_pairs({"at": {"gt": [3]}}, {"query:at": "brackets"})
    (('at[gt][0]', '3'),)
    """
    return tuple(
        (called, _reserved(text)) if f"{part}:{name}" in reserved else (called, text)
        for name, value in values.items()
        for called, text in _written(name, value, styles.get(f"{part}:{name}"))
    )


def encoded(pairs: Pairs, safe: str = "") -> str:
    """Return pairs as the text of a query or a form, percent-encoded but for what is `safe`.

    >>> encoded((("q", "a,b c"), ("ids", ("1,5", "2"))), ",/")
    'q=a,b+c&ids=1%2C5,2'
    >>> encoded((("path", Reserved(("/a b?c&d", "50%", "%2F"))),))
    'path=/a%20b?c%26d,50%25,%2F'
    """
    inside = safe.replace(",", "")

    def written(text: Text) -> str:
        if isinstance(text, str):
            return quote_plus(text, safe)
        if isinstance(text, Reserved):
            return ",".join(_NO_ESCAPE.sub("%25", quote(one, _RESERVED)) for one in text.texts)
        return ",".join(quote_plus(one, inside) for one in text)

    return "&".join(f"{quote_plus(name, safe)}={written(text)}" for name, text in pairs)


def joined(text: Text) -> str:
    """Return a text as it is where nothing is encoded."""
    if isinstance(text, str):
        return text
    return ",".join(text.texts if isinstance(text, Reserved) else text)


def as_text(value: JsonValue) -> str:
    """Return a value as text: strings as they are, everything else as JSON.

    >>> as_text("a"), as_text(True), as_text(1.5), as_text({"a": [1]})
    ('a', 'true', '1.5', '{"a":[1]}')
    """
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _written(name: str, value: JsonValue, style: Style | None) -> Iterator[tuple[str, Text]]:
    if value is None:
        return
    match style:
        case "brackets":
            yield from _in_brackets(name, value)
        case "json":
            yield name, msgspec.json.encode(value).decode()
        case "spread" if isinstance(value, dict):
            yield from query_pairs(value)
        case "comma" if isinstance(value, (list, dict)):
            yield name, tuple(_flat(value))
        case "pipe" | "space" if isinstance(value, (list, dict)):
            yield name, _JOINTS[style].join(_flat(value))
        case _:  # What belongs to another part of a request is refused with the document.
            each = value if isinstance(value, list) else [value]
            yield from ((name, as_text(one)) for one in each if one is not None)


def _reserved(text: Text) -> Reserved:
    if isinstance(text, Reserved):
        return text
    return Reserved((text,) if isinstance(text, str) else text)


def _flat(value: Mapping[str, JsonValue] | list[JsonValue]) -> Iterator[str]:
    """Yield what is joined to one text: of an object each name and its value."""
    if isinstance(value, list):
        yield from (as_text(one) for one in value if one is not None)
    else:
        for key, one in value.items():
            yield from () if one is None else (key, as_text(one))


def _in_brackets(name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    """Write what is inside of a value under names of its own: `name[key]`, `name[0]`."""
    match value:
        case None:
            return
        case dict():
            for key, inner in value.items():
                yield from _in_brackets(f"{name}[{key}]", inner)
        case list():
            for at, inner in enumerate(value):
                yield from _in_brackets(f"{name}[{at}]", inner)
        case _:
            yield name, as_text(value)
