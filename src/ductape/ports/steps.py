"""Durable steps inside of a run: what has finished is replayed from its record, never run again.

A handler of features asks for its steps by name, in any order, several at a time. What is to be
held for long leaves the run as `Suspend`; the run comes back, the handler begins anew, and every
step that has finished answers at once (SPEC 9, "Features").
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.outcome import Failure
from ductape.domain.request import RetryPolicy
from ductape.domain.steps import UNDOING, Step

Work = Callable[[], Awaitable[JsonValue]]
"""Does a step once, and returns its result."""


class Suspend(BaseException):
    """Nothing can be done before an instant or a signal: the run is to leave its worker.

    No `Exception`, so that code which handles those lets it pass.
    """

    def __init__(self, until_ms: int | None, lacks: str | None = None) -> None:
        super().__init__("the run is held")
        self.until_ms = until_ms
        """Epoch ms; none where only a signal ends it."""
        self.lacks = lacks
        """The handler tag that a worker must have to go on; none where any may."""


def soonest(held: Sequence[Suspend]) -> Suspend:
    """Return what holds a run of which several branches are held.

    >>> soonest([Suspend(None), Suspend(5), Suspend(3, "job:resize")]).until_ms
    3
    """
    until_ms = min((one.until_ms for one in held if one.until_ms is not None), default=None)
    return Suspend(until_ms, next((one.lacks for one in held if one.lacks is not None), None))


class StepFailed(Exception):
    """A step has failed for good, and with it the feature, unless its function handles this."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.error.message)
        self.failure = failure

    @property
    def code(self) -> str:
        """What went wrong, as `TIMEOUT`."""
        return self.failure.error.code

    @property
    def error(self) -> dict[str, object]:
        """The stored error of the last try: `code`, `message`, `type`, `at` and whatever else."""
        return msgspec.to_builtins(self.failure.error)


class Unwound(Exception):
    """What a feature had done is undone, as was asked; there is nothing more to do."""


class Plan(Struct, frozen=True):
    """How a step is to be done."""

    path: str
    """Its name below the feature, which no other of its steps has."""
    kind: str
    retries: int = 0
    allow_fail: bool = False
    """Whether the feature goes on where it fails: its result is the error then."""
    lasts_ms: int | None = None
    """How long a try may take with all that holds it: of a child, which is undone where it is over;
    any other step's handler is given its time itself."""
    more: bool = False
    """Whether another step begins at once where it has finished: one commit records both then."""
    waits: RetryPolicy | None = None
    """How long between its tries; none for what every step of a feature waits."""


class Steps(Protocol):
    """The steps of one feature in one run."""

    @property
    def recorded(self) -> Sequence[Step]:
        """Those that have begun, by their paths below the feature, in the order they did."""
        ...

    def find(self, path: str) -> Step | None:
        """Return a step as far as it has come, by its path; none where it has not begun."""
        ...

    @property
    def timeout_ms(self) -> int:
        """How long a try of a step may take that says nothing else: the job's `timeout`."""
        ...

    @property
    def undoes(self) -> bool:
        """Whether whoever called wants all undone that this did, though it came to its end."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether the feature was cancelled: nothing is to begin, what has finished is undone."""
        ...

    @property
    def unwinding(self) -> Failure | None:
        """The failure for which finished steps are being undone, already before this attempt."""
        ...

    async def run(self, plan: Plan, work: Work, undo: Work | None = None) -> Step:
        """Do a step, unless it has finished; return it finished.

        One that is given up is undone first, where steps stand below it: by `undo`, which finds
        them `unwinding`; without one by the work itself. Raises `StepFailed` where it has failed
        after its own retries, also in an earlier attempt, and `Suspend`.
        """
        ...

    async def sleep(self, plan: Plan, until: Callable[[], int]) -> Step:
        """Hold the feature until an instant in epoch ms, asked for once; raises `Suspend`."""
        ...

    async def wait(self, plan: Plan, name: str, timeout_ms: int | None) -> Step:
        """Hold the feature until a signal comes, whose data is the step's result.

        Raises `StepFailed` with `TIMEOUT`, and `Suspend`.
        """
        ...

    def leaves(self, path: str) -> bool:
        """Tell whether a step has steps below it that are not undone: it runs a feature."""
        ...

    def tries_left(self, plan: Plan) -> int:
        """Return how often a step may be tried again where its next try fails."""
        ...

    def failure(self, error: Exception) -> Failure:
        """Turn an exception into a failure, masked."""
        ...

    async def again(self) -> None:
        """Let the steps that have failed be tried by the run's next attempt."""
        ...

    async def give_up(self) -> None:
        """Let nothing that was allowed to fail answer for itself any more: see `anew`."""
        ...

    async def anew(self, path: str) -> str:
        """Return the path of a step that may have been given up: it is done anew then.

        By the same name where it left nothing, else by another, as `main.pay#2`: what was done and
        undone by the first name does not answer for it, and its keys are others.
        """
        ...

    def is_last(self, failure: Failure) -> bool:
        """Tell whether the feature is over with a failure: no further attempt is to follow."""
        ...

    async def unwind(self, failure: Failure) -> None:
        """Record that finished steps are being undone from now on, and why."""
        ...


async def unwind_if_told(
    steps: Steps, undo: Callable[[str], Work], *, finished: bool = True
) -> None:
    """Where what was done is to be undone, do so, the last begun first; `undo` takes a path.

    For what calls features and is none; `finished` tells whether those are undone too that have
    come to their ends. Raises `Unwound` then, or `StepFailed` with the failure.
    """
    failure = None if steps.stopping else steps.unwinding
    if failure is None and not steps.stopping:
        return
    left: list[str] = []
    due = [one for one in steps.recorded if finished or one.state != "completed"]
    for step in reversed([one for one in due if steps.leaves(one.path)]):
        plan = Plan(step.path + UNDOING, step.kind, allow_fail=True)
        if (await steps.run(plan, undo(step.path))).state != "completed":
            left.append(step.path)
    if failure is None:
        raise Unwound
    raise StepFailed(not_undone(failure, left))


def not_undone(failure: Failure, left: Sequence[str]) -> Failure:
    """Return the failure of a feature that has undone what it could: nothing is tried again."""
    error = failure.error
    if left:
        error = replace(error, message=f"{error.message}; not undone: {', '.join(left)}")
    return replace(failure, error=error, final=True)
