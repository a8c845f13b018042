"""The comparison as a person and a program read it: a table for each figure, with ratios.

A ratio is the row's value by ours, by the best peer on PostgreSQL, and by the bare floor.
"""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from bench.report import shown
from bench.versus.environments import Absent
from bench.versus.roster import OURS, UNFIT, Peer
from bench.versus.run import FLOOR, Measured, Run

WIDTH = 120


@dataclass(frozen=True)
class Figure:
    """How a figure is shown: one table."""

    title: str
    unit: str
    columns: dict[str, str]
    """What is measured, and the heads of its columns; ratios are of the first."""
    more: bool = False
    """Whether more is better."""


FIGURES = {
    "single": Figure("one caller awaiting each", "jobs/s", {"single": "jobs/s"}, more=True),
    "concurrent": Figure("many callers at once", "jobs/s", {"concurrent": "jobs/s"}, more=True),
    "bulk": Figure("bulk, 1,000 a call", "jobs/s", {"bulk": "jobs/s"}, more=True),
    "drain": Figure("drain, one worker process", "jobs/s", {"drain": "jobs/s"}, more=True),
    "drain_two": Figure("drain, two processes", "jobs/s", {"drain_two": "jobs/s"}, more=True),
    "pick_up": Figure(
        "idle pick-up, from the call to the handler",
        "ms",
        {"pick_up_p50": "p50, ms", "pick_up_p95": "p95, ms", "pick_up_p99": "p99, ms"},
    ),
    "lateness": Figure(
        "lateness of scheduled jobs",
        "ms",
        {"lateness_p50": "p50, ms", "lateness_p95": "p95, ms", "lateness_p99": "p99, ms"},
    ),
    "idle": Figure(
        "idle worker",
        "%",
        {"idle_cpu": "% of a core", "idle_queries": "transactions/s"},
    ),
    "backlog": Figure(
        "drain beside old and future rows, of the drain without",
        "%",
        {"backlog": "%"},
        more=True,
    ),
}
"""By the name under which it is asked for, in the order of the report."""


@dataclass(frozen=True)
class Line:
    """One system's values of one figure."""

    who: str
    values: dict[str, float]
    of_ours: float | None
    of_best_peer: float | None
    of_floor: float | None
    rounds: list[float]
    """The first value, round by round."""
    note: str


def lines_of(name: str, measured: Measured, peers: Sequence[Peer]) -> list[Line]:
    """Return a figure's lines, the best first."""
    figure = FIGURES[name]
    first, *_ = figure.columns
    medians = {
        who: _medians(figure, who, measured) for key, who in measured.samples if key == first
    }
    on_postgres = {peer.name for peer in peers if peer.ground == "PostgreSQL"} - {OURS}
    rivals = [values[first] for who, values in medians.items() if who in on_postgres]
    best = (max if figure.more else min)([rival for rival in rivals if rival > 0], default=None)
    ours, floor = (medians[who][first] if who in medians else None for who in (OURS, FLOOR))
    lines = [
        Line(
            who,
            values,
            _ratio(values[first], ours),
            _ratio(values[first], best),
            _ratio(values[first], floor),
            [sample.value for sample in measured.samples[first, who]],
            next((one.note for one in measured.samples[first, who] if one.note), ""),
        )
        for who, values in medians.items()
    ]
    return sorted(lines, key=lambda line: abs(line.values[first]), reverse=figure.more)


def _medians(figure: Figure, who: str, measured: Measured) -> dict[str, float]:
    return {
        key: statistics.median(sample.value for sample in measured.samples[key, who])
        for key in figure.columns
        if (key, who) in measured.samples
    }


def as_json(
    run: Run, measured: Measured, absent: Sequence[Absent], *, command: str, machine: str
) -> dict[str, object]:
    """Return the whole report."""
    return {
        "command": command,
        "machine": machine,
        "server": measured.facts,
        "figures": {
            name: {
                "title": figure.title,
                "unit": figure.unit,
                "lines": [asdict(line) for line in lines_of(name, measured, run.peers)],
            }
            for name, figure in FIGURES.items()
            if name in run.figures
        },
        "settings": {peer.name: peer.settings for peer in run.peers},
        "missing": _missing(run, measured, absent),
    }


def print_report(
    run: Run, measured: Measured, absent: Sequence[Absent], *, command: str, machine: str
) -> None:
    """Print a table for each figure, and below them what was set and what is missing."""
    console = Console(width=WIDTH)
    console.print(f"{command}\n{machine}\n{measured.facts}\n", highlight=False)
    names = {peer.name: peer.shown for peer in run.peers}
    for name, figure in FIGURES.items():
        lines = lines_of(name, measured, run.peers)
        if lines:
            console.print(_table(figure, lines, names))
    console.print("Settings:")
    for peer in run.peers:
        console.print(f"  {peer.name}: {peer.settings}", highlight=False)
    missing = _missing(run, measured, absent)
    console.print("Not measured:" if missing else "Everything was measured.")
    for line in missing:
        console.print(f"  {line}", highlight=False)


def _table(figure: Figure, lines: list[Line], names: dict[str, str]) -> Table:
    table = Table(title=figure.title, title_justify="left", width=WIDTH)
    table.add_column("", no_wrap=True, min_width=18)
    for title in (*figure.columns.values(), "of ours", "of the best", "of the floor"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("note", ratio=1)
    for line in lines:
        table.add_row(
            names.get(line.who, line.who),
            *(shown(line.values[key], "") if key in line.values else "" for key in figure.columns),
            *(_times(part) for part in (line.of_ours, line.of_best_peer, line.of_floor)),
            line.note,
            style="bold" if line.who == OURS else None,
        )
    return table


def _missing(run: Run, measured: Measured, absent: Sequence[Absent]) -> list[str]:
    """Return who or what has no figure, each with its reason."""
    return [
        *(f"{one.peer.name}: cannot be installed: {one.reason}" for one in absent),
        *(f"{name}: {reason}" for name, reason in UNFIT.items()),
        *(f"{who}, {part}: {said}" for (part, who), said in measured.faults.items()),
        *(
            f"{peer.name}, {figure}: {reason}"
            for peer in run.peers
            for figure in sorted(run.figures)
            if (reason := peer.why_not(figure))
        ),
    ]


def _ratio(value: float, by: float | None) -> float | None:
    """Compare two values; what is early, or nothing at all, compares with nothing."""
    return value / by if by and by > 0 and value > 0 else None


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:,.2f}"
