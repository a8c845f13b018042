"""How far long work has come: a bar on a terminal, a line for each part elsewhere (SPEC 13).

Both go to standard error; standard output has the answer alone.
"""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from ductape.cli.drawing import output

Told = Callable[[str, int, int], None]
"""Takes a part's name, how much of it is done, and how much there is."""


@contextmanager
def rows_copied() -> Generator[Told]:
    """Show how many rows of each table are copied."""
    console = Console(file=sys.stderr, highlight=False)
    if not console.is_terminal:
        yield _line_at_the_end
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        yield _Bars(bars).told


@contextmanager
def working(what: str) -> Generator[None]:
    """Show on a terminal that something is being done that takes a moment."""
    console = Console(file=sys.stderr, highlight=False)
    if not console.is_terminal:
        yield
        return
    with console.status(output.plain(what)):
        yield


class _Bars:
    """One bar for each part."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def told(self, part: str, done: int, total: int) -> None:
        """Move a part's bar."""
        if part not in self._tasks:
            self._tasks[part] = self._bars.add_task(part, total=total)
        self._bars.update(self._tasks[part], completed=done)


def _line_at_the_end(part: str, done: int, total: int) -> None:
    if done and done >= total:
        output.tell(f"{part}: {done} rows copied")
