"""Cached results on their way to rows, and which of them are meant."""

from ductape.domain.change import CacheEntry
from ductape.domain.jsonvalue import JsonValue
from ductape.ports.stores.memory import Selection
from ductape.stores.sqlite.connection import Cell
from ductape.stores.sqlite.rows.values import encode


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


def selection_row(selection: Selection) -> dict[str, Cell]:
    """Return what a statement is told of a selection."""
    return {
        "product": selection.product,
        "tag": selection.tag,
        "event": selection.event,
        "kind": selection.kind,
        "until": selection.until_ms,
    }
