"""Path templates as resources: `/users/{id}` becomes `/users/:id` (SPEC 9).

Where a name stands beside other text in its segment, or has other signs than a name's, it is
written `:{name}`.
"""

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl, quote

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject
from ductape.importers.sealing import escaped

Style = Literal["simple", "label", "matrix"]

_TEMPLATE = re.compile(r"\{([^{}/?#]{1,200})\}")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME_SIGN = re.compile(r"[A-Za-z0-9_]")
_SAFE = "/%:@!$&'()*+,;=~-._"


class Resource(Struct, frozen=True):
    """A path, as an action has it."""

    path: str
    query: JsonObject
    """What the path had after a `?`, as it is."""
    given: Mapping[str, str] = {}
    """Name of a value there that the caller gives → the parameter that says what it is."""
    mixed: tuple[str, ...] = ()
    """Names there whose values are a parameter and more, or that are not known themselves."""


def resource_of(template: str, styles: Mapping[str, str]) -> Resource:
    """Return the resource for a path template; `styles` tells how parameters are written.

    >>> resource_of("/a/{x}.json", {}).path, resource_of("/{a}-{b}/{c-d}", {}).path
    ('/a/:x.json', '/:a-:{b}/:{c-d}')
    >>> resource_of("/v1/{name}:cancel", {}).path, resource_of("/{id}", {"id": "matrix"}).path
    ('/v1/:name:cancel', '/;id=:{id}')
    """
    before, _, query = template.partition("#")[0].partition("?")
    rooted = before if before.startswith("/") else f"/{before}"
    parts = _TEMPLATE.split(rooted)
    written = _literal(parts[0])
    for name, after in zip(map(plain_name, parts[1::2]), parts[2::2], strict=True):
        written += _parameter(name, after, written, styles.get(name, "simple"))
        written += _literal(after)
    values = dict(parse_qsl(query, keep_blank_values=True))
    given = {
        name: found[1]
        for name, text in values.items()
        if (found := _TEMPLATE.fullmatch(text)) and _TEMPLATE.search(name) is None
    }
    mixed = tuple(pair[0] for pair in values.items() if any(map(_TEMPLATE.search, pair)))
    fixed: JsonObject = {name: text for name, text in values.items() if name not in mixed}
    left = tuple(name for name in mixed if name not in given)
    return Resource(escaped(written), fixed, given, left)


def plain_name(name: str) -> str:
    """Return a parameter's name without the sign that begins references.

    >>> plain_name("$id"), plain_name("user-id")
    ('id', 'user-id')
    """
    return name.replace("$", "") or "_"


def _parameter(name: str, after: str, written: str, style: str) -> str:
    match style:
        case "matrix":
            return f";{quote(name, safe='')}=:{{{name}}}"
        case "label":
            return f".:{{{name}}}"
        case _:
            pass
    alone = written.endswith("/") and not _NAME_SIGN.match(after)
    return f":{name}" if alone and _PLAIN_NAME.fullmatch(name) else f":{{{name}}}"


def _literal(text: str) -> str:
    """Return a path's own text: quoted, and never taken for a parameter."""
    return quote(text, safe=_SAFE).replace("/:", "/%3A")
