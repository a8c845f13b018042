"""The states of a job and of its runs, and every move between them (SPEC 2).

`TRANSITIONS` is the one table: the SQL's CHECK and the diagram in the docs are compared with it
by a test.
"""

from typing import Literal

JobStatus = Literal["scheduled", "queued", "running", "completed", "failed", "cancelled", "paused"]
"""What a caller sees of a job."""

RunState = Literal["scheduled", "queued", "parked", "blocked", "running"]
"""A live run: due later, waiting for a worker, for a cache leader, for its concurrency key's gate,
being executed."""

RunOutcome = Literal["completed", "failed", "cancelled"]
"""How a run ended."""

ScheduleState = Literal["active", "paused", "completed", "failed", "cancelled"]
"""A recurrence: going on, halted by a person, or over."""

TRANSITIONS: dict[RunState, frozenset[str]] = {
    "scheduled": frozenset({"queued", "cancelled", "failed"}),
    "queued": frozenset({"running", "blocked", "cancelled", "failed"}),
    "parked": frozenset({"queued", "completed", "cancelled", "failed"}),
    "blocked": frozenset({"queued", "cancelled", "failed"}),
    "running": frozenset({"scheduled", "queued", "parked", "completed", "failed", "cancelled"}),
}


def may_move(before: RunState, after: RunState | RunOutcome) -> bool:
    """Tell whether a run may go from one state to another.

    >>> may_move("queued", "running"), may_move("scheduled", "running")
    (True, False)
    """
    return after in TRANSITIONS[before]


def job_status_of(state: RunState) -> JobStatus:
    """Show a live run's state as its job's: a parked or blocked run is queued to the caller.

    >>> job_status_of("parked")
    'queued'
    """
    return "queued" if state in ("parked", "blocked") else state
