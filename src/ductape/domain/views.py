"""Jobs as everybody sees them: one wire shape for SDK, CLI and API (SPEC 2, 10).

Instants are epoch milliseconds, null where not known. Of a recurring job the latest run's.
"""

from typing import cast

import msgspec

from ductape.domain.job import NEVER_MS, Attempt, Finished, JobSpec, Run
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.outcome import StoredError
from ductape.domain.record import JobRecord
from ductape.domain.recurring import next_due, nominal_instant, repeat_of
from ductape.domain.time.zone import ZoneLookup
from ductape.domain.wire import (
    AttemptView,
    DefinitionView,
    ErrorView,
    ExecutionView,
    HistoryView,
    JobView,
    ProgressView,
    RunView,
)
from ductape.errors import ValidationError


def job_view(record: JobRecord, *, now_ms: int, zones: ZoneLookup) -> JobView:
    """Show one job; of a recurring job its latest run's figures."""
    return JobView(
        id=record.job_id,
        status=record.status_at(now_ms),
        next_run_at=next_run_at(record, now_ms=now_ms, zones=zones),
        execution_count=_executions(record),
        failed_count=_failures(record),
        updated_at=record.updated_at_ms or record.spec.created_at_ms,
        **_definition(record.spec),
        **_run(record, _latest(record, now_ms), now_ms, zones),
    )


def _definition(spec: JobSpec) -> DefinitionView:
    repeat = spec.repeat
    return DefinitionView(
        key=spec.key,
        kind=spec.kind.value,
        event=spec.event,
        app=spec.app,
        product=spec.product,
        env=spec.env,
        queue=spec.queue,
        priority=spec.priority,
        recurring=repeat is not None,
        cron=repeat.cron if repeat is not None else None,
        every=repeat.every_ms if repeat is not None else None,
        tz=repeat.tz if repeat is not None else None,
        limit=repeat.limit if repeat is not None else None,
        end_date=repeat.end_at_ms if repeat is not None else None,
        retries=spec.retries,
        input=spec.input,
        session_tag=spec.session.tag if spec.session is not None else None,
        session_user=spec.session.user if spec.session is not None else None,
        cache=spec.cache,
        metadata=dict(spec.metadata),
        created_at=spec.created_at_ms,
    )


def _run(record: JobRecord, run: Run | Finished | None, now_ms: int, zones: ZoneLookup) -> RunView:
    done = run if isinstance(run, Finished) else None
    return RunView(
        scheduled_at=_scheduled_at(record, run, now_ms, zones),
        started_at=_started(run),
        completed_at=done.completed_at_ms if done is not None else None,
        retry_count=_retries(run),
        last_error=_last_error(record, run),
        result=done.result if done is not None else None,
        cached=done.cached if done is not None else False,
        progress=_progress(run),
        attempts=attempt_views(run),
    )


def _scheduled_at(
    record: JobRecord, run: Run | Finished | None, now_ms: int, zones: ZoneLookup
) -> int:
    if run is None:
        return record.spec.created_at_ms
    if record.schedule is None or isinstance(run, Finished):
        return run.scheduled_at_ms
    return nominal_instant(run, record.schedule, zones=zones, now_ms=now_ms)


def next_run_at(record: JobRecord, *, now_ms: int, zones: ZoneLookup) -> int | None:
    """Return when the job runs next: its waiting run, or what follows the running one."""
    live = record.live
    if live is not None and live.state != "running":
        return _waits_for(record, live, now_ms, zones)
    schedule = record.schedule
    if schedule is None or schedule.state != "active" or schedule.fault is not None:
        return None
    limit = repeat_of(schedule.spec).limit
    if live is not None:
        ahead = schedule.occurrences + (0 if live.extra else 1)
        if limit is not None and ahead >= limit:
            return None
        mark = nominal_instant(live, schedule, zones=zones)
        schedule = msgspec.structs.replace(schedule, watermark_ms=mark)
    try:
        return next_due(schedule, now_ms=now_ms, zones=zones)
    except (ValidationError, KeyError):
        return None  # such a recurrence is about to be quarantined, visibly


def _waits_for(record: JobRecord, live: Run, now_ms: int, zones: ZoneLookup) -> int | None:
    """Return the instant for which a run waits; a retry's is its own."""
    if live.due_at_ms == NEVER_MS:
        return None
    if record.schedule is None or live.due_at_ms != live.scheduled_at_ms:
        return live.due_at_ms
    return nominal_instant(live, record.schedule, zones=zones, now_ms=now_ms)


def attempt_views(run: Run | Finished | None) -> list[AttemptView]:
    """Show a run's attempts, the one under way last."""
    if run is None:
        return []
    views = [_attempt(attempt) for attempt in run.attempts]
    if isinstance(run, Run) and run.state == "running":
        views.append(_under_way(run))
    return views


def error_view(error: StoredError | None) -> ErrorView | None:
    """Show a stored error."""
    return None if error is None else cast("ErrorView", msgspec.to_builtins(error))


def history_view(record: JobRecord, runs: list[Finished], *, cancelled: int) -> HistoryView:
    """Show finished runs, newest first, with the job's totals: those of the job itself.

    `cancelled` is how many of all its runs were cancelled once they had begun.
    """
    total, failed = _executions(record), _failures(record)
    return HistoryView(
        job_id=record.job_id,
        total_executions=total,
        successful_executions=max(total - failed - cancelled, 0),
        failed_executions=failed,
        executions=[_execution(run) for run in runs],
    )


def as_object(view: JobView) -> JsonObject:
    """Return a view as plain JSON."""
    return cast("JsonObject", dict(view))


def _execution(run: Finished) -> ExecutionView:
    started = run.started_at_ms
    return ExecutionView(
        number=run.number,
        scheduled_at=run.scheduled_at_ms,
        started_at=started,
        completed_at=run.completed_at_ms,
        duration_ms=run.completed_at_ms - started if started is not None else 0,
        status=run.outcome,
        cached=run.cached,
        error=error_view(run.error),
        result=run.result,
        attempts=attempt_views(run),
    )


def _latest(record: JobRecord, now_ms: int) -> Run | Finished | None:
    """Return the run that speaks for the job: under way, else finished, else waiting."""
    live, last = record.live, record.last
    if live is None:
        return last
    fresh = live.state == "scheduled" and live.due_at_ms > now_ms and not live.attempts
    if last is not None and record.schedule is not None and fresh:
        return last
    return live


def _executions(record: JobRecord) -> int:
    if record.schedule is not None:
        return record.schedule.executions
    last = record.last
    return 0 if last is None else last.number - last.spec.unbegun_before - last.never_began


def _failures(record: JobRecord) -> int:
    if record.schedule is not None:
        return record.schedule.failed
    last = record.last
    return 0 if last is None else last.spec.failed_before + (last.outcome == "failed")


def _started(run: Run | Finished | None) -> int | None:
    if isinstance(run, Run):
        return run.first_started_at_ms
    return None if run is None else run.started_at_ms


def _retries(run: Run | Finished | None) -> int:
    """Count the attempts after a failed one that have begun."""
    if run is None:
        return 0
    failed = sum(attempt.status == "failed" for attempt in run.attempts)
    over = isinstance(run, Finished) and run.outcome == "failed"
    waits = isinstance(run, Run) and run.state != "running"
    return max(failed - (1 if over or waits else 0), 0)


def _last_error(record: JobRecord, run: Run | Finished | None) -> ErrorView | None:
    schedule = record.schedule
    if schedule is not None and schedule.fault is not None:
        return ErrorView(
            code="RECURRENCE_QUARANTINED",
            message=schedule.fault,
            type="Quarantine",
            at=record.updated_at_ms,
        )
    if schedule is not None and schedule.reason is not None and record.status == "cancelled":
        return ErrorView(
            code="JOB_CANCELLED",
            message=schedule.reason,
            type="JobCancelled",
            at=record.updated_at_ms,
        )
    if isinstance(run, Finished) and run.error is not None:
        return error_view(run.error)
    errors = [attempt.error for attempt in run.attempts if attempt.error] if run else []
    return error_view(errors[-1]) if errors else None


def _progress(run: Run | Finished | None) -> ProgressView | None:
    if run is None or run.progress is None:
        return None
    done = run.progress
    return ProgressView(done=done.done, total=done.total, note=done.note)


def _attempt(attempt: Attempt) -> AttemptView:
    return AttemptView(
        number=attempt.number,
        started_at=attempt.started_at_ms,
        completed_at=attempt.completed_at_ms,
        status=attempt.status,
        error=error_view(attempt.error),
        worker=attempt.worker,
    )


def _under_way(run: Run) -> AttemptView:
    return AttemptView(
        number=len(run.attempts) + 1,
        started_at=run.started_at_ms or 0,
        completed_at=None,
        status="running",
        error=None,
        worker=run.worker or "",
    )
