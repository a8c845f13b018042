"""Cached results on their way to rows, and which of them are meant."""

from collections.abc import Iterable

from ductape.domain.change import CacheEntry
from ductape.domain.jsonvalue import JsonValue
from ductape.ports.stores.memory import Selection
from ductape.stores.postgres.rows.values import Cell, Values, by_column, encode


def entry_columns(results: Iterable[tuple[CacheEntry, JsonValue]], now_ms: int) -> Values:
    """Return the columns of results that are left at an instant."""
    return {**by_column([_entry_row(*each) for each in results]), "now": now_ms}


def _entry_row(entry: CacheEntry, result: JsonValue) -> dict[str, Cell]:
    return {
        "key": entry.key,
        "product": entry.product,
        "tag": entry.tag,
        "event": entry.event,
        "kind": entry.kind,
        "result": encode(result),
        "expires_at": entry.expires_at_ms,
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
