"""Reading a whole store row by row, and filling an empty one (SPEC 10: `store copy`).

Which tables and columns there are, the database itself tells, so that a new column is copied
without being named here. `domain.portable` says what the rows look like on their way.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from ductape.domain.portable import Cell, Row, Shape

PAGE_ROWS = 1_000
PAGE_BYTES = 8 * 1024 * 1024
"""A page ends after so many rows, or soon after so many bytes: copying takes bounded memory."""


class Page(Struct, frozen=True):
    """Some rows of a table, in the order of its key."""

    rows: list[Row]
    last: tuple[Cell, ...] | None
    """The key of the last row, from which to go on; none: the table is at its end."""


class Refusal(Struct, frozen=True):
    """Why a store cannot be filled."""

    used: dict[str, int]
    """The tables that have rows, and how many."""
    unfinished: str | None
    """Where an earlier copy came from that did not get to its end."""


class Copying(Protocol):
    """Where whole stores are read and filled."""

    async def shapes(self) -> dict[str, Shape]:
        """Return the tables that are copied."""
        ...

    async def count(self, table: str) -> int:
        """Count a table's rows."""
        ...

    async def page(
        self, table: str, *, after: tuple[Cell, ...] | None, most: int = PAGE_ROWS
    ) -> Page:
        """Return the rows whose key is greater than `after`; cells in the order of the shape."""
        ...

    async def unfinished(self) -> str | None:
        """Tell where a copy into this store comes from that did not get to its end."""
        ...

    async def begin(self, origin: str, *, again: bool, now_ms: int) -> Refusal | None:
        """Mark an empty store as being filled; `again` first empties one that is so marked."""
        ...

    async def load(self, table: str, rows: Sequence[Row]) -> None:
        """Store rows; cells in the order of the shape. Durable on return."""
        ...

    async def finish(self) -> None:
        """Take the mark away: the copy is whole."""
        ...
