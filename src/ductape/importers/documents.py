"""Documents that refer to one another, already read: following `$ref` is a matter of looking up.

A location is a URL, or a path relative to the folder of the first document, with `/`.
"""

import posixpath
import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from msgspec import Struct, field

from ductape.domain.found import shortened
from ductape.domain.jsonvalue import JsonValue
from ductape.importers.values import member

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_MOST_STEPS = 64
"""How many references may lead to the next one."""


class Node(Struct, frozen=True):
    """A value, and the location of the document that it stands in."""

    value: JsonValue
    home: str


class Broken(Struct, frozen=True):
    """A reference that leads nowhere, and why."""

    reason: str


class Documents(Struct, frozen=True):
    """Everything that was read for one import."""

    root: str
    read: Mapping[str, JsonValue]
    missing: Mapping[str, str]
    """Location → why it could not be read."""
    odd: Sequence[str] = ()
    """Where a number was left out that JSON has not."""
    anchors: dict[str, dict[str, JsonValue]] = field(
        default_factory=dict[str, dict[str, JsonValue]]
    )
    """Location → `$anchor` → schema, of the documents that were asked for one."""

    selves: Mapping[str, str] = {}
    """The address that a document says is its own (`$self`) → its location."""

    @property
    def base(self) -> str:
        """What relative URLs of the document that was named go by: its `$self`, or its location."""
        return self_of(self.read[self.root]) or self.root

    @property
    def first(self) -> Node:
        """The document that was named."""
        return Node(self.read[self.root], self.root)

    def follow(self, node: Node) -> Node | Broken:
        """Return what a value is once its `$ref`, and those it leads to, are followed."""
        for _ in range(_MOST_STEPS):
            reference = reference_of(node.value)
            if reference is None:
                return node
            found = self.target(reference, node.home)
            if isinstance(found, Broken):
                return found
            node = found
        return Broken("its reference leads round in a circle")

    def target(self, reference: str, home: str) -> Node | Broken:
        """Return what a reference names."""
        location, pointer = located(reference, home)
        location = self.selves.get(location, location)
        if location not in self.read:
            why = self.missing.get(location, "it was not read")
            return Broken(f"its reference to {shortened(reference)!r} leads nowhere: {why}")
        if pointer and not pointer.startswith("/"):
            return self._anchored(location, pointer)
        found = pointed(self.read[location], pointer)
        if isinstance(found, Broken):
            return Broken(f"its reference {shortened(reference)!r} leads nowhere: {found.reason}")
        return Node(found.value, location)

    def _anchored(self, location: str, name: str) -> Node | Broken:
        if location not in self.anchors:
            self.anchors[location] = anchors_of(self.read[location])
        if name not in self.anchors[location]:
            return Broken(f"there is no `$anchor` {shortened(name)!r}")
        return Node(self.anchors[location][name], location)


def reference_of(value: JsonValue) -> str | None:
    """Return the reference of a value that is one."""
    reference = value.get("$ref") if isinstance(value, dict) else None
    return reference if isinstance(reference, str) else None


def self_of(document: JsonValue) -> str | None:
    """Return the address that a document of OpenAPI 3.2 says is its own, if it is a whole one."""
    own = document.get("$self") if isinstance(document, dict) else None
    return urldefrag(own)[0] if isinstance(own, str) and is_web(own) else None


def located(reference: str, home: str) -> tuple[str, str]:
    """Return the location and the JSON pointer of a reference that stands in `home`.

    >>> located("../b%20c.yaml#/x", "paths/a.yaml"), located("#/x", "a.yaml")
    (('b c.yaml', '/x'), ('a.yaml', '/x'))
    >>> located("b.json", "https://a.example/v1/a.json")
    ('https://a.example/v1/b.json', '')
    """
    try:
        where, fragment = urldefrag(reference)
        if not where:
            return home, unquote(fragment)
        if is_web(home) or is_web(where):
            return urljoin(home, where), unquote(fragment)
    except ValueError:
        return reference, ""
    joined = posixpath.join(posixpath.dirname(home), unquote(where))
    return posixpath.normpath(joined), unquote(fragment)


def is_web(location: str) -> bool:
    """Tell whether a location is a URL of any scheme."""
    return _URL.match(location) is not None


def is_here(url: str) -> bool:
    """Tell whether a URL names this machine.

    >>> is_here("http://localhost:8080/x"), is_here("https://api.example.com")
    (True, False)
    """
    try:
        return (urlsplit(url).hostname or "") in {"localhost", "127.0.0.1", "::1"}
    except ValueError:
        return False


def pointer_to(*keys: str) -> str:
    """Return the JSON pointer of keys, as places are told.

    >>> pointer_to("paths", "/users/{id}", "get")
    '#/paths/~1users~1{id}/get'
    """
    return "#" + "".join(f"/{key.replace('~', '~0').replace('/', '~1')}" for key in keys)


def pointed(value: JsonValue, pointer: str) -> Node | Broken:
    """Return what a JSON pointer names in a value, its home left open."""
    if pointer in ("", "/"):
        return Node(value, "")
    for step in pointer[1:].split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdigit() and len(key) < 10:  # noqa: PLR2004 (no list is longer)
            if int(key) >= len(value):
                return Broken(f"there is no {shortened(key)!r}")
            value = value[int(key)]
        else:
            return Broken(f"there is no {shortened(key)!r}")
    return Node(value, "")


def anchors_of(value: JsonValue) -> dict[str, JsonValue]:
    """Return the schemas of a document that have an `$anchor`, or a dynamic one, by it."""
    found: dict[str, JsonValue] = {}
    waiting, seen = [value], set[int]()
    while waiting:
        part = waiting.pop()
        if not isinstance(part, (dict, list)) or id(part) in seen:
            continue
        seen.add(id(part))
        for key in ("$anchor", "$dynamicAnchor") if isinstance(part, dict) else ():
            if isinstance(name := member(part, key), str):
                found.setdefault(name, part)
        waiting.extend(part.values() if isinstance(part, dict) else part)
    return found
