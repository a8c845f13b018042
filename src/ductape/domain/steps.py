"""What is recorded of a feature's steps: a run goes on at its first unfinished one (SPEC 9).

A step has a path that no other of its run has: `sequence.event`, below a child feature
`step/sequence.event`; what undoes a step adds `~rollback`. The run itself is the step of path ``:
its result is the version of the product that it began with. Instants are epoch milliseconds.
"""

from typing import Literal

from msgspec import Struct

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.outcome import StoredError

StepState = Literal[
    "running", "sleeping", "waiting", "retrying", "completed", "failed", "allowed", "unwinding"
]
"""Begun; held until an instant; held until a signal; held until its next try; over, well or badly,
or badly with `allow_fail`; of the run itself: its finished steps are being undone."""

WHOLE = ""
"""The path of the run itself."""
UNDOING = "~rollback"
"""Ends the path of what undoes a step."""

CHILDREN = frozenset({"child", "feature"})
"""Kinds of steps that run another feature."""

NO_CACHE = "what it does is undone with the feature around it, and may not answer another one then"
"""Why a step that runs a feature names no cache; the steps below it may."""

FINISHED: frozenset[StepState] = frozenset({"completed", "allowed"})
"""What is never run again."""


UNDER_WAY: frozenset[StepState] = frozenset({"running", "sleeping", "waiting", "retrying"})
"""What has begun and has not ended."""


class Step(Struct, frozen=True):
    """One step of a run, as far as it has come."""

    path: str
    kind: str
    """That of its event, or `sleep`, `wait`, `child`, `step` (a Python function)."""
    state: StepState
    position: int
    """In which order the steps of the run began, from 0."""
    started_at_ms: int
    """Of its first try: what `$Now()` is in its input, in all of them."""
    failures: int = 0
    """Failed tries: what the step's `retries` bound."""
    due_at_ms: int | None = None
    """Until when it is held; none while it is not, or where only a signal ends that."""
    awaits: str | None = None
    """The name of the signal it waits for."""
    completed_at_ms: int | None = None
    result: JsonValue = None
    error: StoredError | None = None
    """Of its last failed try."""

    @property
    def finished(self) -> bool:
        """Whether its result stands."""
        return self.state in FINISHED


class StepRecord(Struct, frozen=True):
    """All that is recorded of one run."""

    steps: tuple[Step, ...] = ()
    """In the order in which they began."""
    stopping: bool = False
    """Whether somebody has cancelled it: what has finished is to be undone."""
    reason: str | None = None
    """Why it was cancelled."""
