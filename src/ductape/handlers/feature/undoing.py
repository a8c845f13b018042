"""Undoing what a feature has done: the rollbacks of its finished steps, the last one first."""

from ductape.domain.definitions.feature import FeatureTarget, SequenceTarget, StepTarget
from ductape.domain.steps import CHILDREN, UNDOING, Step
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
        self._by_path = {
            sequence.path_of(step): (sequence, step)
            for sequence in feature.sequence
            for step in sequence.events
        }

    @property
    def has_any(self) -> bool:
        """Whether anything is to be undone."""
        return bool(self._due())

    async def all(self) -> list[str]:
        """Undo what is left to be undone; return the paths of what could not be."""
        left: list[str] = []
        for done in self._due():
            sequence, step = self._by_path[done.path]
            if (await self._undone(sequence, step)).state != "completed":
                left.append(done.path)
        return left

    def _due(self) -> list[Step]:
        """Return the steps to undo, in the order of undoing."""
        begun = [step for step in self._steps.recorded if step.path in self._by_path]
        due = [step for step in begun if self._is_due(step)]
        due.sort(key=lambda one: (one.completed_at_ms or _UNFINISHED_MS, one.position))
        return due[::-1]

    def _is_due(self, done: Step) -> bool:
        _, step = self._by_path[done.path]
        if self._mode == "none" or (self._mode == "critical_only" and not step.critical):
            return False
        # Of a child that has not finished some steps have.
        if step.type in CHILDREN and step.rollback is None:
            return True
        return step.rollback is not None and done.state == "completed"

    async def _undone(self, sequence: SequenceTarget, step: StepTarget) -> Step:
        path = sequence.path_of(step)
        undo = step.rollback
        if undo is None:
            plan = Plan(path + UNDOING, step.type, allow_fail=True)
            return await self._doing.undo_child(plan, path, step)
        plan = Plan(path + UNDOING, undo.type, undo.retries, allow_fail=True)
        return await self._doing.undo(plan, undo)
