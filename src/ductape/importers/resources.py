"""Schemas that name themselves (`$id`), as OpenAPI 3.1 takes them over from JSON Schema 2020-12.

What stands in such a schema refers to others by its address, not by the document's.
"""

from collections import Counter
from collections.abc import Mapping
from urllib.parse import unquote, urldefrag, urljoin

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonValue
from ductape.importers.documents import Node, anchors_of, is_web, pointed


class Resources(Struct, frozen=True):
    """The schemas of some documents that have addresses of their own."""

    named: Mapping[str, Node]
    """Address → schema."""
    bases: Mapping[int, str]
    """Identity of an object with a `$ref` → the address that it goes by."""
    anchors: dict[str, dict[str, JsonValue]] = field(
        default_factory=dict[str, dict[str, JsonValue]]
    )
    """Address → `$anchor` → schema, of those that were asked for one."""
    dynamic: Mapping[str, int] = field(default_factory=dict[str, int])
    """`$dynamicAnchor` → how many schemas have it."""

    def target(self, reference: str, home: str, holder: JsonValue) -> Node | None:
        """Return the schema that the reference of `holder` names; none if none has that address."""
        address, fragment = _addressed(reference, self.bases.get(id(holder), home))
        named = self.named.get(address)
        if named is None or not fragment:
            return named
        if not fragment.startswith("/"):
            if address not in self.anchors:
                self.anchors[address] = anchors_of(named.value)
            anchors = self.anchors[address]
            return Node(anchors[fragment], named.home) if fragment in anchors else None
        found = pointed(named.value, fragment)
        return Node(found.value, named.home) if isinstance(found, Node) else None


def resources_of(read: Mapping[str, JsonValue]) -> Resources:
    """Return what has an address of its own in documents; `read` has them by their locations."""
    named: dict[str, Node] = {}
    bases: dict[int, str] = {}
    dynamic = Counter[str]()
    seen = set[int]()
    for location, whole in read.items():
        waiting = [(whole, "")]
        while waiting:
            part, base = waiting.pop()
            if not isinstance(part, (dict, list)) or id(part) in seen:
                continue
            seen.add(id(part))
            if isinstance(part, dict):
                if isinstance(own := part.get("$id"), str):
                    base = _addressed(own, base or location)[0]
                    named.setdefault(base, Node(part, location))
                if base and not part.keys().isdisjoint(("$ref", "$dynamicRef")):
                    bases[id(part)] = base
                if isinstance(name := part.get("$dynamicAnchor"), str):
                    dynamic[name] += 1
            inside = part.values() if isinstance(part, dict) else part
            waiting += [(one, base) for one in inside]
    return Resources(named, bases, dynamic=dynamic)


def _addressed(reference: str, base: str) -> tuple[str, str]:
    """Return the address and the fragment of a reference.

    >>> _addressed("b#/x", "https://a.example/a"), _addressed("#y", "urn:example:a")
    (('https://a.example/b', '/x'), ('urn:example:a', 'y'))
    """
    try:
        where, fragment = urldefrag(reference)
        whole = where if not where or is_web(where) else urljoin(base, where)
    except ValueError:
        return reference, ""
    return whole or base, unquote(fragment)
