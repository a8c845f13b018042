"""A declared feature from its beginning, or from where it was left, to its end (SPEC 9).

Where it fails for good, or was cancelled, what its steps have done is undone, the last one first.
"""

import msgspec

from ductape.domain.definitions.feature import FeatureTarget
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.outcome import Failure
from ductape.errors import DuctapeError
from ductape.handlers.feature.branches import Branches
from ductape.handlers.feature.steps import Doing
from ductape.handlers.feature.undoing import Undoing
from ductape.ports.handler import Invocation
from ductape.ports.steps import StepFailed, Steps, Unwound, not_undone


class FeatureHandler:
    """`ports.handler.Handler` for features that a product declares step by step."""

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Do what is left of a feature and return its mapped output.

        Raises `StepFailed`, `Suspend`, and `Unwound` where it was cancelled.
        """
        steps = steps_of(invocation)
        feature = msgspec.convert(invocation.target.mappings, FeatureTarget)
        doing = Doing(invocation, steps, feature)
        undoing = Undoing(feature, steps, doing)
        if steps.stopping:
            await undoing.all()
            raise Unwound
        failure = steps.unwinding
        if failure is None:
            try:
                await Branches(feature, doing).all()
                return _output(feature, doing)
            except StepFailed as failed:
                failure = failed.failure
            except DuctapeError as error:  # of the output's mapping
                failure = steps.failure(error)
        raise await _ended(failure, steps, undoing)


def steps_of(invocation: Invocation) -> Steps:
    """Return what makes a feature durable."""
    if invocation.steps is None:
        raise TypeError("a feature was invoked without its steps")
    return invocation.steps


def _output(feature: FeatureTarget, doing: Doing) -> JsonValue:
    if feature.output is None:
        results: JsonObject = {}
        results.update(doing.results)
        return results
    return doing.mapped(feature.output)


async def _ended(failure: Failure, steps: Steps, undoing: Undoing) -> StepFailed:
    """Undo what has finished where no further attempt is to follow; return the error to raise."""
    if steps.unwinding is None and not steps.is_last(failure):
        await steps.again()
        return StepFailed(failure)
    if steps.unwinding is None and undoing.has_any:
        await steps.unwind(failure)
    return StepFailed(not_undone(failure, await undoing.all()))
