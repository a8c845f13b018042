"""Transactions of a caller's own, in which jobs are written beside the caller's rows (SPEC 10).

What such a transaction is, only the store knows: a connection that it lends here, or, where the
database bears it, one that the caller has made. It is handed on as an opaque value.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

Parameters = Sequence[object] | Mapping[str, object]
"""What a statement's placeholders stand for, by place or by name, as the database writes them."""


class Lent(Protocol):
    """A connection lent for one transaction; every method raises `ValidationError` after it."""

    async def execute(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Run a statement on the caller's own tables; return its rows. Raises `StoreError`."""
        ...

    async def executemany(self, sql: str, parameters: Iterable[Parameters]) -> None:
        """Run a statement once for each set of parameters. Raises `StoreError`."""
        ...


class Transactions(Protocol):
    """Where connections are lent."""

    def lend(self) -> AbstractAsyncContextManager[Lent]:
        """Open a transaction: committed at the end of the block, undone by an exception."""
        ...
