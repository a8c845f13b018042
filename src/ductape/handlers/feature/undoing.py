"""Undoing what a feature has done: the rollbacks of its finished steps, the last one first."""

from ductape.domain.definitions.feature import FeatureTarget, StepTarget
from ductape.domain.steps import UNDOING, Step
from ductape.handlers.feature.steps import Doing
from ductape.ports.steps import Plan, Steps

_UNFINISHED_MS = 2**63


class Undoing:
    """The rollbacks of one feature."""

    def __init__(self, feature: FeatureTarget, steps: Steps, doing: Doing) -> None:
        """Undo by the feature's own mode."""
        self._mode = feature.rollback
        self._steps = steps
        self._doing = doing
        self._by_path: dict[str, StepTarget] = {
            sequence.path_of(step): step
            for sequence in feature.sequence
            for step in sequence.events
        }

    @property
    def has_any(self) -> bool:
        """Whether anything is to be undone."""
        return bool(self._due())

    async def all(self) -> list[str]:
        """Undo what is left to be undone; return the paths of what could not be."""
        due = self._due()
        return [one.path for one in due if (await self._undone(one)).state != "completed"]

    def _due(self) -> list[Step]:
        """Return the steps to undo, in the order of undoing."""
        begun = [step for step in self._steps.recorded if step.path in self._by_path]
        due = [step for step in begun if self._is_due(step)]
        due.sort(key=lambda one: (one.completed_at_ms or _UNFINISHED_MS, one.position))
        return due[::-1]

    def _is_due(self, done: Step) -> bool:
        step = self._by_path[done.path]
        if self._mode == "none" or (self._mode == "critical_only" and not step.critical):
            return False
        if step.rollback is not None and done.state == "completed":
            return True
        # What ran a feature undoes itself, also where only some of its steps have finished.
        return self._steps.leaves(done.path)

    async def _undone(self, done: Step) -> Step:
        step, path = self._by_path[done.path], done.path
        undo = step.rollback
        if undo is None or done.state != "completed":
            plan = Plan(path + UNDOING, step.type, allow_fail=True)
            return await self._doing.undo_child(plan, path, step)
        plan = Plan(path + UNDOING, undo.type, undo.retries, allow_fail=True)
        return await self._doing.undo(plan, undo)
