"""What we use of apsw's connections: its own stubs describe buffers with a type of Python 3.12."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol


class Cursor(Protocol):
    """The rows of one statement."""

    exec_trace: Callable[[Any, str, object], bool] | None
    """Called before the first row."""

    def execute(self, statements: str, bindings: object = None) -> Iterable[tuple[object, ...]]:
        """Run SQL with bound parameters."""
        ...

    def close(self) -> None:
        """Let go of the statement."""
        ...


class Connection(Protocol):
    """What we use of apsw's: it describes its buffers with a type of Python 3.12."""

    filename: str
    in_transaction: bool

    def execute(self, statements: str) -> object:
        """Run SQL of our own."""
        ...

    def cursor(self) -> Cursor:
        """Make what a statement is run with."""
        ...

    def changes(self) -> int:
        """Return how many rows the last statement wrote."""
        ...

    def total_changes(self) -> int:
        """Return how many rows have been written so far."""
        ...

    def set_last_insert_rowid(self, rowid: int) -> None:
        """Change what `last_insert_rowid()` tells."""
        ...

    def interrupt(self) -> None:
        """Stop what another thread runs on it."""
        ...

    def limit(self, id: int, newval: int = -1) -> int:  # noqa: A002 (apsw's name)
        """Set one of SQLite's own limits."""
        ...

    def set_busy_handler(self, callable: Callable[[int], bool]) -> None:  # noqa: A002 (apsw's name)
        """Ask whether to try again for a lock that somebody else has."""
        ...

    def set_progress_handler(self, callable: Callable[[], bool], nsteps: int) -> None:  # noqa: A002 (apsw's name)
        """Ask every so many steps whether to stop."""
        ...

    def close(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 (apsw's signature)
        """Close it."""
        ...
