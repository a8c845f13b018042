"""Executes a feature that is a Python function: replayed to where it was left, then on."""

from collections.abc import Awaitable, Callable, Iterator
from typing import cast

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.outcome import Failure
from ductape.domain.steps import UNDOING, Step
from ductape.handlers.python.containing import CONTAINED
from ductape.handlers.python.feature_context import FeatureContext
from ductape.handlers.python.replay import Halt, Replay
from ductape.handlers.python.results import LONGEST_RESULT, json_result
from ductape.ports.handler import Invocation
from ductape.ports.steps import (
    Plan,
    StepFailed,
    Steps,
    Suspend,
    Unwound,
    Work,
    not_undone,
    soonest,
)

_UNFINISHED_MS = 2**63
UNDO_RETRIES = 3
"""How often an `undo` that fails is tried again."""

Body = Callable[[FeatureContext], Awaitable[object]]
"""The function, its input already given."""


async def run_feature(invocation: Invocation, body: Body) -> JsonValue:
    """Do what is left of a feature and return its result.

    Raises `StepFailed`, `Suspend`, and `Unwound` where it was cancelled.
    """
    steps = invocation.steps
    if steps is None:
        raise TypeError("a feature was invoked without its steps")
    failure = steps.unwinding
    replay = Replay(steps, only=steps.stopping or failure is not None)
    try:
        with CONTAINED:
            answer = await body(FeatureContext(invocation, steps, replay))
        result = json_result(answer, most_bytes=LONGEST_RESULT)
        replay.over()
    except (Suspend, Halt, BaseExceptionGroup) as error:
        await replay.landed()
        failure = failure or _failure_in(error, steps)
    except Exception as error:  # noqa: BLE001 (the call of a handler: recorded as a failure)
        await replay.landed()
        failure = failure or steps.failure(error)
    else:
        if not steps.stopping and failure is None:
            return result
    finally:
        await replay.aclose()
    raise await _ended(steps, replay, failure)


def _failure_in(error: BaseException, steps: Steps) -> Failure | None:
    """Return what has failed in some branch, none where the replay is over; raises `Suspend`."""
    found = [*_leaves(error)]
    failed = [one for one in found if isinstance(one, Exception)]
    if failed:
        told = next((one for one in failed if isinstance(one, StepFailed)), failed[0])
        return steps.failure(told)
    if held := [one for one in found if isinstance(one, Suspend)]:
        raise soonest(held) from error
    return None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        for one in group.exceptions:
            yield from _leaves(one)
    else:
        yield error


async def _ended(steps: Steps, replay: Replay, failure: Failure | None) -> StepFailed | Unwound:
    """Undo what has finished where no further attempt is to follow; return what to raise."""
    if failure is not None and not steps.stopping and steps.unwinding is None:
        if not steps.is_last(failure):
            await steps.again()
            return StepFailed(failure)
        if replay.undo:
            await steps.unwind(failure)
    left = await _undone(steps, replay)
    if steps.stopping or failure is None:
        return Unwound()
    return StepFailed(not_undone(failure, left))


def _when(undoable: tuple[Step, Work]) -> tuple[int, int]:
    """Return when a step finished; one that has not comes after all that have."""
    step, _ = undoable
    return step.completed_at_ms or _UNFINISHED_MS, step.position


async def _undone(steps: Steps, replay: Replay) -> list[str]:
    """Undo what steps have done, the last one first; return the names of those that would not."""
    left: list[str] = []
    begun = sorted(replay.undo.values(), key=_when)
    for step, work in reversed(begun):
        path = step.path.rpartition("/")[2]
        plan = Plan(path + UNDOING, "step", UNDO_RETRIES, allow_fail=True)
        if (await steps.run(plan, work)).state != "completed":
            left.append(path)
    return left
