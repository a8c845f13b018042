"""Which references may be used where (SPEC 6); operators may be used everywhere.

The grammar is the same in all places. A reference that a place does not have is refused there,
never taken as plain text.
"""

from collections.abc import Callable, Mapping
from typing import Literal

from ductape.domain.references.walk import Steps
from ductape.domain.request import JobEventTypes

Place = Literal[
    "input",
    "action headers and query",
    "definition",
    "feature",
    "session selector",
    "option input",
    "option output",
    "message mapping",
]

LIVE: Mapping[Place, frozenset[str]] = {
    "input": frozenset({"Session", "Variable", "Constant"}),
    "action headers and query": frozenset({"Session", "Variable", "Constant", "Auth"}),
    "definition": frozenset({"Variable", "Constant", "Secret", "Auth"}),
    "feature": frozenset({"Input", "Sequence", "Session", "Variable", "Constant"}),
    "session selector": frozenset({"Session"}),
    "option input": frozenset({"Session", "Variable", "Constant", "Input"}),
    "option output": frozenset({"Session", "Variable", "Constant", "Input", "Response"}),
    "message mapping": frozenset({"Message", "Variable", "Constant"}),
}

Live = frozenset[str] | Callable[[Steps], frozenset[str]]
"""The names that are live in a whole value, or at each place in it."""

_AUTH_PARTS = frozenset({"headers", "query"})


def live_in_input(kind: JobEventTypes) -> Live:
    """Return what is live in a caller's input for an event of this kind."""
    match kind:
        case JobEventTypes.ACTION:
            return _live_in_action
        case JobEventTypes.SUBSCRIBE:
            return _live_in_subscription
        case _:
            return LIVE["input"]


def live_at(live: Live, steps: Steps) -> frozenset[str]:
    """Return the names that are live at one place of a value.

    >>> sorted(live_at(live_in_input(JobEventTypes.ACTION), ("headers:X-Key",)))
    ['Auth', 'Constant', 'Session', 'Variable']
    """
    return live(steps) if callable(live) else live


def _live_in_action(steps: Steps) -> frozenset[str]:
    """Tell the parts of an action's input apart, nested (`headers`) or flat (`headers:X`)."""
    part = str(steps[0]).partition(":")[0] if steps else ""
    return LIVE["action headers and query" if part in _AUTH_PARTS else "input"]


def _live_in_subscription(steps: Steps) -> frozenset[str]:
    """Tell a subscription's mapping apart: what it makes is stored as it is, so no session's."""
    return LIVE["message mapping" if steps and steps[0] == "input" else "input"]
