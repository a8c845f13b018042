"""The few things we ask of a SQLite connection, typed.

apsw describes its buffers with a type of Python 3.12, which a checker for 3.11 reads as unknown;
this Protocol is what we use of it. A cell's type is the column's, which only the SQL knows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import apsw

Cell = str | int | float | bytes | None
Bindings = Sequence[Cell] | Mapping[str, Cell]
Row = tuple[Any, ...]
Authorizer = Callable[[int, str | None, str | None, str | None, str | None], int]


class Cursor(Protocol):
    """The rows of one statement."""

    @property
    def get(self) -> Any:  # noqa: ANN401 (one row's one cell, or one row, or none)
        """Return the only cell, or the only row, or none."""
        ...

    def fetchall(self) -> list[Row]:
        """Return every row."""
        ...

    def fetchone(self) -> Row | None:
        """Return the next row, or none."""
        ...

    def __iter__(self) -> Iterator[Row]:
        """Go through the rows."""
        ...


class Connection(Protocol):
    """An open connection, used by one thread at a time."""

    @property
    def filename(self) -> str:
        """The file."""
        ...

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...

    authorizer: Authorizer | None
    """Asked about each operation of a statement before it is run."""

    def execute(
        self, statements: str, bindings: Bindings | None = None, *, can_cache: bool = True
    ) -> Cursor:
        """Run SQL with bound parameters; `can_cache`: as prepared before, or for the next time."""
        ...

    def executemany(
        self, statements: str, bindings: Iterable[Bindings], *, can_cache: bool = True
    ) -> Cursor:
        """Run one statement for each set of parameters."""
        ...

    def set_progress_handler(
        self,
        handler: Callable[[], bool] | None,
        steps: int = 100,
        /,
    ) -> None:
        """Be asked every so many steps whether to break off."""
        ...

    def changes(self) -> int:
        """Return how many rows the last statement changed."""
        ...

    def readonly(self, name: str) -> bool:
        """Tell whether a database (`main`) can only be read."""
        ...

    def total_changes(self) -> int:
        """Return how many rows all statements so far changed."""
        ...

    def set_busy_timeout(self, milliseconds: int) -> None:
        """Wait so long for other processes."""
        ...

    def close(self) -> None:
        """Close."""
        ...


def open_connection(path: str) -> Connection:
    """Open a file, making it if it is not there; raises `apsw.Error`."""
    connection = apsw.Connection(path)
    # Plans are pinned (INDEXED BY): nothing may make SQLite look for one anew at each value bound.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return cast("Connection", connection)


def read_only_connection(path: str) -> Connection:
    """Open a file that is there, to look at it only; raises `apsw.Error`."""
    return cast("Connection", apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY))
