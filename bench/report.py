"""Rows of figures, and the table that a person reads."""

import os
import platform
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

WHOLE_FROM = 100
"""Figures from here on are shown without decimals."""


@dataclass(frozen=True)
class Row:
    """One figure."""

    figure: str
    value: float
    unit: str
    floor: float | None = None
    """The same unit, by the bare engine or the bare library."""
    note: str = ""
    own_cost: float | None = None
    """Of calls to others: what one takes beyond the bare library's, as a share of that."""

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return asdict(self)


def print_table(rows: list[Row], *, title: str) -> None:
    """Print the figures with their floors."""
    table = Table(title=title, title_justify="left")
    table.add_column("figure", no_wrap=True)
    for name in ("measured", "bare floor", "of it", "own cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.figure,
            shown(row.value, row.unit),
            "" if row.floor is None else shown(row.floor, row.unit),
            "" if not row.floor else f"{row.value / row.floor:.0%}",
            "" if row.own_cost is None else f"{row.own_cost:+.0%}",
        )
    console = Console(width=100)
    console.print(f"machine: {machine()}")
    console.print(table)
    for row in rows:
        if row.note:
            console.print(f"{row.figure}: {row.note}")


def machine() -> str:
    """Tell what this is measured on."""
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )


def shown(value: float, unit: str) -> str:
    """Write a figure as people read it."""
    figure = f"{value:,.0f}" if abs(value) >= WHOLE_FROM else f"{value:,.2f}"
    return f"{figure} {unit}".strip()
