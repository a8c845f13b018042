"""What a run's steps have come to, and the signals that they wait for (SPEC 9, "Features")."""

from collections.abc import Sequence
from typing import Protocol

from ductape.domain.change import RunRef
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.steps import Step, StepRecord


class Steps(Protocol):
    """Where the steps of runs are recorded. They go with their run's history."""

    async def of_run(self, job_id: str, number: int) -> StepRecord:
        """Return what is recorded of a run, live or finished."""
        ...

    async def record(self, run: RunRef, steps: Sequence[Step]) -> bool:
        """Store or replace steps, all at once; false, and nothing stored, if the fence is lost."""
        ...

    async def receive(self, run: RunRef, step: Step, *, now_ms: int) -> Step | None:
        """Give a step the earliest signal of the name that it awaits: completed, its data stored.

        Where none has come before its `due_at_ms` the step is stored as it is given. Returns the
        step as it is stored; none where the fence is lost.
        """
        ...

    async def signal(self, job_id: str, name: str, data: JsonValue, *, now_ms: int) -> bool:
        """Keep a signal for a job's live run, and make it due if it waits for that name.

        False where the job has no live run.
        """
        ...

    async def stop(self, job_id: str, number: int, reason: str | None, *, now_ms: int) -> bool:
        """Ask a live run to undo its steps and end, and make it due if it is held.

        False where that was asked before, or where the run is over.
        """
        ...
