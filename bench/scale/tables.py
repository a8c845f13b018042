"""The tables of measured costs, in the Markdown in which they stand in the page."""

import textwrap
from collections.abc import Sequence

from bench.scale.costs import Costs

WHOLE_FROM = 10
LINE = 108


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Write a table; the first column is words, the others are figures."""
    ruler = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ruler, *lines))


def figure(value: float) -> str:
    """Write a figure with three digits that count.

    >>> [figure(value) for value in (0, 0.0123, 1.5, 23.4, 1234.5, 98765)]
    ['0', '0.012', '1.5', '23', '1,234', '98,765']
    """
    if value == 0:
        return "0"
    if abs(value) >= WHOLE_FROM:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"


def of_costs(costs: Costs) -> str:
    """Write all tables, and what they were measured on."""
    return "\n\n".join(of_costs_by_name(costs).values())


def of_costs_by_name(costs: Costs) -> dict[str, str]:
    """Write each table, by the name of its place in the page."""
    return {
        "machine": textwrap.fill(
            f"Measured on {costs.machine}; {costs.server}. "
            f"A lone commit took {costs.commit_ms:.2f} ms.",
            LINE,
        ),
        "phases": of_phases(costs),
        "rows": of_rows(costs),
        "turns": of_turns(costs),
        "crowd": of_crowd(costs),
        "standing": of_standing(costs),
        "embedded": of_embedded(costs),
    }


def of_phases(costs: Costs) -> str:
    """Write what each phase costs a job."""
    head = (
        "a job",
        "rows",
        "WAL bytes",
        "whole pages",
        "commits",
        "round trips",
        "client CPU µs",
        "server CPU µs",
        "bytes left",
    )
    return table(
        head,
        [
            (
                phase.name,
                figure(phase.writes),
                figure(phase.wal_bytes),
                figure(phase.full_pages),
                figure(phase.commits),
                figure(phase.round_trips),
                figure(phase.client_us),
                figure(phase.server_us),
                figure(phase.left_bytes),
            )
            for phase in costs.phases
        ],
    )


def of_rows(costs: Costs) -> str:
    """Write which rows those are."""
    lines = [
        (phase.name, name, *(figure(count) for count in changed))
        for phase in costs.phases
        for name, changed in phase.rows.items()
    ]
    return table(("phase", "table", "inserted", "updated", "deleted"), lines)


def of_turns(costs: Costs) -> str:
    """Write what a turn costs."""
    turns = costs.turns
    lines = [("nothing", figure(turns.empty_client_us), figure(turns.empty_server_us), "")]
    lines += [
        (f"{size}", figure(client), figure(server), figure(server / size))
        for size, (client, server) in sorted(turns.of.items())
    ]
    return table(("a turn settles and claims", "client CPU µs", "server CPU µs", "a run"), lines)


def of_crowd(costs: Costs) -> str:
    """Write how a turn grows with those who claim beside it."""
    lines = [
        (
            f"{crowd.workers}",
            figure(crowd.runs),
            figure(crowd.server_us),
            f"{crowd.server_us / costs.crowd[0].server_us:.2f}",
            f"{crowd.turn_ms:.1f}",
        )
        for crowd in costs.crowd
    ]
    return table(
        ("workers at once", "runs a turn", "server CPU µs", "of one's", "median ms"), lines
    )


def of_standing(costs: Costs) -> str:
    """Write what a worker costs that has nothing to do."""
    idle = costs.standing
    lines = [
        ("transactions a second", figure(idle.transactions)),
        ("round trips a second", figure(idle.round_trips)),
        ("CPU of its own, of a core", f"{idle.client_us / 1e4:.2f} %"),
        ("CPU of the server, of a core", f"{idle.server_us / 1e4:.3f} %"),
        ("connections", f"{idle.connections}"),
        ("connections once it has worked", f"{idle.busy_connections}"),
        ("one hint to one listener, server CPU", f"{figure(idle.hint_us)} µs"),
    ]
    return table(("an idle worker", ""), lines)


def of_embedded(costs: Costs) -> str:
    """Write what a job costs on SQLite."""
    lines = [
        (one.name, figure(one.cpu_us), figure(one.written_bytes), figure(one.left_bytes))
        for one in costs.embedded
    ]
    return table(("a job on SQLite", "CPU µs", "bytes written", "bytes left"), lines)
