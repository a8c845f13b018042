"""The outside witness: looks at the tables after each commit, and keeps what triggers noted.

It has a connection of its own and asks in plain SQL, the same of every store.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulation.audit import Entry
from tests.simulation.questions import never_so, unquiet

Ask = Callable[[str], list[tuple[Any, ...]]]
"""Runs a statement that asks, and returns its rows."""


@dataclass(frozen=True, slots=True)
class View:
    """A connection to the tables, past the engine."""

    ask: Ask
    change: Callable[[str], int]
    """Runs a statement and tells how many rows it changed."""
    close: Callable[[], None]
    repeat: str
    """How a field of a recurrence's `repeat` is read, `{0}` its name."""


class Witness:
    """Knows when each change was first to be seen."""

    def __init__(self, view: View, *, sure: bool) -> None:
        """Look through a connection; `sure` as `never_so` has it."""
        self._view = view
        self._never_so = never_so(sure=sure)
        self._looks: list[tuple[int, float]] = []

    def look(self, wall_ms: int, at_s: float) -> list[str]:
        """Take note of what was committed by now; tell what must never be so, yet is."""
        noted = f"UPDATE audit SET look = {len(self._looks)} WHERE look IS NULL"  # noqa: S608 (a count)
        if not self._view.change(noted):
            return []
        self._looks.append((wall_ms, at_s))
        return [row[0] for row in self._view.ask(self._never_so)]

    def wall_ms(self, entry: Entry) -> int:
        """Return the wall clock when a change was first to be seen."""
        return self._looks[entry.look][0]

    def at_s(self, entry: Entry) -> float:
        """Return the monotonic clock when a change was first to be seen."""
        return self._looks[entry.look][1]

    def unquiet(self) -> list[str]:
        """Tell what still waits or runs, live recurrences' next instants aside."""
        return [row[0] for row in self._view.ask(unquiet(self._view.repeat))]

    def entries(self) -> list[Entry]:
        """Return everything that happened and was seen."""
        asked = "SELECT * FROM audit WHERE look IS NOT NULL ORDER BY seq"
        return [Entry(*row) for row in self._view.ask(asked)]

    def schedules(self) -> list[tuple[str, str, int, int, bytes]]:
        """Return the recurrences: job, state, occurrences, anchor, spec."""
        asked = "SELECT job_id, state, occurrences, anchor_at, spec FROM schedules ORDER BY job_id"
        return [(row[0], row[1], row[2], row[3], row[4]) for row in self._view.ask(asked)]

    def heads(self) -> dict[str, int]:
        """Count the rows that speak for each one-off job: history's heads and live runs."""
        asked = """
            SELECT job_id, count(*) FROM (
                SELECT job_id FROM history WHERE head
                UNION ALL SELECT job_id FROM runs WHERE NOT recurring) AS words
            GROUP BY job_id"""
        return {row[0]: row[1] for row in self._view.ask(asked)}

    def close(self) -> None:
        """Close the connection."""
        self._view.close()
