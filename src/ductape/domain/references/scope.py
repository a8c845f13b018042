"""What the references of one evaluation point at (SPEC 6)."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.references.values import read_path

Source = Callable[[tuple[str, ...]], JsonValue]
"""Reads a path; raises `KeyError` where it leads nowhere."""


class Scope(Struct, frozen=True):
    """A source for each kind of reference, and the instant of `$Now()`."""

    sources: Mapping[str, Source]
    """By the reference's name, as `Session`; a kind without a source has no values."""
    now_ms: int
    """Epoch ms."""

    def __repr__(self) -> str:
        """Keep the data out of every log and traceback."""
        return f"Scope(sources={sorted(self.sources)}, now_ms={self.now_ms})"

    def lookup(self, name: str, path: tuple[str, ...]) -> JsonValue:
        """Return what a reference points at; raises `KeyError` where that is nothing."""
        return self.sources[name](path)


def scope(sources: Mapping[str, Source], now_ms: int) -> Scope:
    """Make a scope; `now_ms` is what `$Now()` gives, in epoch ms."""
    return Scope(sources=dict(sources), now_ms=now_ms)


def tree_source(data: JsonObject) -> Source:
    """Read whole paths in the data, as `$Variable{app}{key}` does in app → key → value."""
    return lambda path: read_path(data, path)


def session_source(tag: str, data: JsonObject) -> Source:
    """Read a session: the first segment is its tag; if it is not, the data has the whole path."""
    return lambda path: read_path(data, path[1:] if path[0] == tag else path)
