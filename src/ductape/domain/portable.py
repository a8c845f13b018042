"""Rows on their way from one store to another: the same names and cells in every database.

A boolean is 0 or 1, a list is JSON text. What arrived is compared by a tally of both sides, which
does not depend on the order of rows. SPEC 10: "checked by counting both sides".
"""

import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Literal

import msgspec
from msgspec import Struct

Cell = str | int | float | bytes | None
Row = tuple[Cell, ...]
Kind = Literal["text", "number", "bytes"]

STAYS = frozenset({"cache_locks", "duties", "gates", "migrations", "unfinished_copy", "workers"})
"""Tables of a store's own working: they mean nothing elsewhere."""

OPENING_LEAVES = frozenset({"handlers", "key_checks"})
"""Tables that opening a store, or working on it, fills: they do not make it a used one."""

JSON_TEXTS = frozenset({"metadata"})
"""Columns of JSON text, in which NUL is written as an escape."""

_DIGEST_BYTES = 16
_MODULUS = 1 << 8 * _DIGEST_BYTES
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class Shape(Struct, frozen=True):
    """What one table holds."""

    kinds: dict[str, Kind]
    """The kind of each column."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in the order in which rows travel: by name."""
        return tuple(sorted(self.kinds))


class Tally(Struct, frozen=True):
    """How many rows there are, and the sum of their digests."""

    count: int = 0
    sum: int = 0

    def plus(self, columns: Sequence[str], rows: Iterable[Row]) -> "Tally":
        """Count further rows in; their order does not matter.

        >>> one, two = (1, "a"), (2, None)
        >>> Tally().plus(("id", "name"), [one, two]) == Tally().plus(("id", "name"), [two, one])
        True
        """
        count, total = self.count, self.sum
        for row in rows:
            count += 1
            total += _digest(columns, row)
        return Tally(count, total % _MODULUS)


def without_nul(column: str, text: str) -> str:
    r"""Replace NUL, which PostgreSQL's text and JSON cannot hold; what was given stands in `spec`.

    >>> without_nul("event", "a\0"), without_nul("metadata", '{"a":"\\u0000"}')
    ('a\ufffd', '{"a":"\ufffd"}')
    """
    if column in JSON_TEXTS:
        return _ESCAPED_NUL.sub("\\1\ufffd", text)
    return text.replace("\0", "\ufffd")


def _digest(columns: Sequence[str], row: Row) -> int:
    told = [
        without_nul(column, cell) if isinstance(cell, str) else cell
        for column, cell in zip(columns, row, strict=True)
    ]
    return int.from_bytes(blake2b(msgspec.msgpack.encode(told), digest_size=_DIGEST_BYTES).digest())
