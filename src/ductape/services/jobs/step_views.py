"""The steps of a run as callers see them."""

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.record import JobRecord
from ductape.domain.steps import UNDER_WAY, Step
from ductape.domain.views import error_view
from ductape.domain.wire import StepView
from ductape.ports.stores.steps import Steps
from ductape.services.sealing import Sealing


async def step_views(
    steps: Steps, sealing: Sealing, record: JobRecord, number: int | None
) -> list[StepView]:
    """Return the steps of one of a job's runs, of the latest for none, in the order they began."""
    run = record.live or record.last
    if number is None:
        number = 0 if run is None else run.number
    found = await steps.of_run(record.job_id, number)
    over = record.live is None or record.live.number != number
    own = [step for step in found.steps if not _is_whole(step)]
    told = [sealing.told(step.result, of=record.job_id) for step in own]
    return [_view(step, result, over=over) for step, result in zip(own, told, strict=True)]


def _view(step: Step, result: JsonValue, *, over: bool) -> StepView:
    ended = step.completed_at_ms
    left = over and step.state in UNDER_WAY
    return StepView(
        path=step.path,
        kind=step.kind,
        status="cancelled" if left else step.state,
        started_at=step.started_at_ms,
        completed_at=ended,
        duration_ms=None if ended is None else ended - step.started_at_ms,
        failures=step.failures,
        due_at=None if left else step.due_at_ms,
        signal=step.awaits,
        result=result,
        error=None if step.error is None else error_view(step.error),
    )


def _is_whole(step: Step) -> bool:
    """Tell a feature's own entry from those of its steps."""
    return not step.path or step.path.endswith("/")
