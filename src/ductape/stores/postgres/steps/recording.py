"""Steps that are recorded while a commit is in flight share the next one (group commit).

As new jobs do (`together`): no timer, and each caller returns only after the commit that holds its
own. Recording a step twice changes nothing, so that a failed commit is its callers' to repeat.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ductape.domain.change import RunRef
from ductape.domain.steps import Step
from ductape.stores.postgres.rows.steps import step_row
from ductape.stores.postgres.rows.values import Cell, by_column
from ductape.stores.postgres.server.batches import Batches
from ductape.stores.postgres.server.engine import Engine


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """One caller's."""

    run: RunRef
    steps: Sequence[Step]


class Recording:
    """Records the steps of runs, together."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine
        self._batches = Batches(self._record, name="ductape-steps")

    async def record(self, run: RunRef, steps: Sequence[Step]) -> bool:
        """Record steps; durable on return, false where the fence is lost. Raises `StoreError`."""
        return await self._batches.answer(_Steps(run, steps))

    async def aclose(self) -> None:
        """Wait for what is in flight."""
        await self._batches.aclose()

    async def _record(self, asked: Sequence[_Steps]) -> list[bool]:
        values = by_column([*_rows(asked).values()])
        held = await self._engine.single(lambda t: t.rows("steps", "record", values))
        fences = {RunRef(row[0], row[1], row[2]) for row in held}
        return [one.run in fences for one in asked]


def _rows(asked: Sequence[_Steps]) -> dict[tuple[str, int, str, int], dict[str, Cell]]:
    """Return each step once, as it is now."""
    return {
        (one.run.job_id, one.run.number, step.path, one.run.fence): {
            **step_row(one.run, step),
            "fence": one.run.fence,
        }
        for one in asked
        for step in one.steps
    }
