"""Values that are a run's own: UUIDs where an API wants one, as its own idempotency key (SPEC 9).

Each is made of the run's idempotency key and its place, so that every attempt sends the same.
"""

from collections.abc import Sequence
from hashlib import sha256

from msgspec.structs import replace

from ductape.domain.inputs.parts import RequestParts
from ductape.domain.jsonvalue import JsonObject

UNIQUE_PARTS = frozenset({"body", "headers", "query"})
"""Parts of a request that may have such values."""


def with_unique(parts: RequestParts, places: Sequence[str], key: str) -> RequestParts:
    """Return the parts with the run's own values; what the caller gives wins.

    `places` are `part:name`, as `headers:X-Request-Id`. A body that is no object has none.
    """
    for place in places:
        part, _, name = place.partition(":")
        value = unique_of(key, place)
        match part:
            case "headers" if name.lower() not in {one.lower() for one in parts.headers}:
                parts = replace(parts, headers={**parts.headers, name: value})
            case "query" if name not in parts.query:
                parts = replace(parts, query={**parts.query, name: value})
            case "body" if parts.body is None or isinstance(parts.body, dict):
                own: JsonObject = parts.body or {}
                parts = replace(parts, body=own if name in own else {**own, name: value})
            case _:
                pass
    return parts


def unique_of(key: str, place: str) -> str:
    """Return a UUID made of a run's key and a place, of the form that most APIs take.

    >>> unique_of("job:1", "headers:X-Request-Id")
    'f8c05097-68b6-4ef2-8d58-a0a36b8db438'
    """
    digest = sha256(f"{key}:{place}".encode()).hexdigest()
    variant = "89ab"[int(digest[16], 16) % 4]
    groups = (digest[:8], digest[8:12], f"4{digest[13:16]}", f"{variant}{digest[17:20]}")
    return "-".join((*groups, digest[20:32]))
