"""The comparison as a person and a program read it: a table for each figure, with ratios.

A ratio is the row's value by ours, by the best peer on PostgreSQL, and by the bare floor.
"""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from bench.environments import Absent
from bench.peer_run import FLOOR, Measured, Run
from bench.report import shown
from bench.roster import OURS, UNFIT, Peer

WIDTH = 120


@dataclass(frozen=True)
class Figure:
    """How a figure is shown."""

    title: str
    unit: str
    asked: str
    """The name under which it is asked for."""
    more: bool = False
    """Whether more is better."""


FIGURES = {
    "single": Figure("one caller awaiting each", "jobs/s", "single", more=True),
    "concurrent": Figure("many callers at once", "jobs/s", "concurrent", more=True),
    "bulk": Figure("bulk, 1,000 a call", "jobs/s", "bulk", more=True),
    "drain": Figure("drain of no-op jobs, one worker process", "jobs/s", "drain", more=True),
    "drain_two": Figure("drain, two worker processes", "jobs/s", "drain_two", more=True),
    "pick_up_p50": Figure("idle pick-up, from call to handler, p50", "ms", "pick_up"),
    "pick_up_p95": Figure("idle pick-up, p95", "ms", "pick_up"),
    "pick_up_p99": Figure("idle pick-up, p99", "ms", "pick_up"),
    "lateness_p50": Figure("lateness of scheduled jobs, p50", "ms", "lateness"),
    "lateness_p95": Figure("lateness, p95", "ms", "lateness"),
    "lateness_p99": Figure("lateness, p99", "ms", "lateness"),
    "idle_cpu": Figure("idle worker, of one core", "%", "idle"),
    "idle_queries": Figure("idle worker, transactions on the server", "1/s", "idle"),
    "backlog": Figure("drain beside a backlog, of the drain without", "%", "backlog", more=True),
}
"""In the order of the report."""


@dataclass(frozen=True)
class Line:
    """One system's value of one figure."""

    who: str
    value: float
    of_ours: float | None
    of_best_peer: float | None
    of_floor: float | None
    rounds: list[float]
    note: str


def lines_of(name: str, measured: Measured, peers: Sequence[Peer]) -> list[Line]:
    """Return a figure's lines, the best first."""
    medians = {
        who: statistics.median(sample.value for sample in samples)
        for (figure, who), samples in measured.samples.items()
        if figure == name
    }
    best = max if FIGURES[name].more else min
    on_postgres = {peer.name for peer in peers if peer.ground == "PostgreSQL"} - {OURS}
    rivals = [value for who, value in medians.items() if who in on_postgres]
    lines = [
        Line(
            who,
            value,
            _ratio(value, medians.get(OURS)),
            _ratio(value, best(rivals) if rivals else None),
            _ratio(value, medians.get(FLOOR)),
            [sample.value for sample in measured.samples[name, who]],
            next((one.note for one in measured.samples[name, who] if one.note), ""),
        )
        for who, value in medians.items()
    ]
    return sorted(lines, key=lambda line: line.value, reverse=FIGURES[name].more)


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
            if figure.asked in run.figures
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
    table = Table(title=f"{figure.title} ({figure.unit})", title_justify="left", width=WIDTH)
    table.add_column("", no_wrap=True, min_width=18)
    for title in ("measured", "of ours", "of the best peer", "of the floor"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("note", ratio=1)
    for line in lines:
        table.add_row(
            names.get(line.who, line.who),
            shown(line.value, ""),
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
    return value / by if by else None


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:,.2f}"
