"""Steps and signals of several stores: in the store that has the job."""

from collections.abc import Sequence

from ductape.domain.change import RunRef
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.steps import Step, StepRecord
from ductape.ports.stores.steps import Steps
from ductape.stores.routed.places import Places


class RoutedSteps:
    """Where the steps of runs are recorded."""

    def __init__(self, places: Places) -> None:
        """Ask the job's store."""
        self._places = places

    async def of_run(self, job_id: str, number: int) -> StepRecord:
        """Return what is recorded of a run, live or finished."""
        return await (await self._of(job_id)).of_run(job_id, number)

    async def record(self, run: RunRef, steps: Sequence[Step]) -> bool:
        """Store or replace steps, all at once; false, and nothing stored, if the fence is lost."""
        return await (await self._of(run.job_id)).record(run, steps)

    async def receive(self, run: RunRef, step: Step, *, now_ms: int) -> Step | None:
        """Give a step the earliest signal of the name that it awaits, or store it waiting."""
        return await (await self._of(run.job_id)).receive(run, step, now_ms=now_ms)

    async def signal(self, job_id: str, name: str, data: JsonValue, *, now_ms: int) -> bool:
        """Keep a signal for a job's live run, and make it due if it waits for that name."""
        return await (await self._of(job_id)).signal(job_id, name, data, now_ms=now_ms)

    async def stop(self, job_id: str, number: int, reason: str | None, *, now_ms: int) -> bool:
        """Ask a live run to undo its steps and end, and make it due if it is held."""
        return await (await self._of(job_id)).stop(job_id, number, reason, now_ms=now_ms)

    async def _of(self, job_id: str) -> Steps:
        return (await self._places.of_job(job_id)).steps
