"""Tables that fit the terminal: what matters less goes first, an id is never cut (SPEC 13)."""

from collections.abc import Sequence

from msgspec import Struct
from rich.table import Table
from rich.text import Text

from ductape.cli.drawing.output import one_line, plain, status_text

GAP = 2
"""Columns of space between two columns."""

Cell = str | Text


class Column(Struct, frozen=True):
    """One column of a table."""

    title: str
    keep: int = 0
    """0: always there; otherwise the highest goes first where the room is short."""
    whole: bool = True
    """Never wrapped; otherwise it takes the room that is left."""
    right: bool = False


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, width: int) -> Table:
    """Return a table that is at most `width` characters wide, if its ids allow."""
    shown = fitting(columns, rows, width=width)
    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for at in shown:
        column = columns[at]
        made.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=column.whole,
            min_width=_natural(columns, rows, at) if column.whole else None,
            overflow="fold",
        )
    for row in rows:
        made.add_row(*(_shown(row[at]) for at in shown))
    return made


def fitting(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, width: int) -> list[int]:
    """Return the positions of the columns that there is room for."""
    widths = [_least(columns, rows, at) for at in range(len(columns))]
    shown = list(range(len(columns)))
    while _total(widths, shown) > width:
        dearest = max(shown, key=lambda at: (columns[at].keep, at))
        if not columns[dearest].keep:
            break
        shown.remove(dearest)
    return shown


def pairs(items: Sequence[tuple[str, Cell | None]]) -> Table:
    """Return names with their values, one to a line; those without a value are left out."""
    made = Table.grid(padding=(0, GAP, 0, 0))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in items:
        if value is not None:
            made.add_row(name, value if isinstance(value, Text) else Text(plain(value)))
    return made


def status(value: str) -> Text:
    """Return a cell with a status in its colour."""
    return status_text(value)


def _shown(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(one_line(cell))


def _natural(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], at: int) -> int:
    cells = (_shown(row[at]).cell_len for row in rows)
    return max([Text(columns[at].title).cell_len, *cells])


def _least(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], at: int) -> int:
    natural = _natural(columns, rows, at)
    return natural if columns[at].whole else min(natural, LEAST_WRAPPED)


LEAST_WRAPPED = 20
"""A column that wraps is not squeezed below so many characters."""


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[at] for at in shown) + GAP * max(len(shown) - 1, 0)
