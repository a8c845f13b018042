"""Cached results on their way to rows."""

from ductape.domain.change import CacheEntry
from ductape.domain.jsonvalue import JsonValue
from ductape.stores.postgres.rows import Cell, encode


def entry_row(entry: CacheEntry, result: JsonValue, now_ms: int) -> dict[str, Cell]:
    """Return the columns of a cached result."""
    return {
        "key": entry.key,
        "product": entry.product,
        "tag": entry.tag,
        "event": entry.event,
        "kind": entry.kind,
        "result": encode(result),
        "expires_at": entry.expires_at_ms,
        "now": now_ms,
    }
