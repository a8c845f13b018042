"""What a person's verb does to a job: cancel, pause, resume, retry, run now (SPEC 10). Pure.

Each verb takes the job as it was read and answers with the settlement to try; none means that
there is nothing to change. A run in a worker's hands, or a feature that has begun, is never taken
away here: it is asked to stop, and a worker settles it.
"""

from msgspec.structs import replace

from ductape.domain.change import Settlement
from ductape.domain.job import Claim, Finished, JobSpec, Run, Schedule, under_way
from ductape.domain.outcome import Cancelled
from ductape.domain.record import JobRecord
from ductape.domain.recurrence import next_instant
from ductape.domain.recurring import count, occurrence, reactivated, repeat_of, resumed, upcoming
from ductape.domain.settlement import led_by, run_ref, settle
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import ValidationError, invalid


def waiting_run(record: JobRecord) -> Run | None:
    """Return the live run that waits to begin, or to be tried again."""
    live = record.live
    if live is None or live.state == "running" or under_way(live):
        return None
    return live


def goes_on_at(record: JobRecord, *, now_ms: int, zones: ZoneLookup) -> int | None:
    """Return at which instant a recurrence goes on that is given another definition.

    That of the run that is due and has not begun, else the first from now on, wherever it ends;
    none where it cannot be computed.
    """
    schedule, waiting = record.schedule, waiting_run(record)
    if schedule is None or schedule.fault is not None:
        return None
    if waiting is not None and not waiting.extra and waiting.scheduled_at_ms <= now_ms:
        return waiting.scheduled_at_ms
    mark = schedule.watermark_ms
    after = now_ms - 1 if mark is None else max(mark, now_ms - 1)
    endless = replace(repeat_of(schedule.spec), end_at_ms=None)
    return next_instant(endless, after_ms=after, anchor_ms=schedule.anchor_ms, zones=zones)


def cancel(
    record: JobRecord, reason: str | None, *, run_only: bool, now_ms: int, zones: ZoneLookup
) -> Settlement | None:
    """End what waits: the run alone, or the whole job."""
    waiting = waiting_run(record)
    schedule = record.schedule
    if schedule is None or run_only:
        if waiting is None:
            return None
        claim = Claim(waiting, schedule)
        return settle(claim, Cancelled(reason), now_ms=now_ms, draw=0.0, zones=zones)
    if schedule.state in ("completed", "failed", "cancelled") and record.live is None:
        return None
    version = schedule.version + 1
    ended = replace(schedule, state="cancelled", extras=0, version=version, reason=reason or None)
    return _without_waiting(waiting, ended, reason or "cancelled", now_ms, zones)


def pause(record: JobRecord, *, now_ms: int, zones: ZoneLookup) -> Settlement | None:
    """Halt a recurrence; a running run is let end, and none that waits for it begins."""
    schedule = record.schedule
    if schedule is None or schedule.state != "active":
        return None
    halted = replace(schedule, state="paused", extras=0, version=schedule.version + 1)
    return _without_waiting(waiting_run(record), halted, "paused", now_ms, zones)


def resume(record: JobRecord, *, now_ms: int, zones: ZoneLookup) -> Settlement | None:
    """Let a paused or quarantined recurrence go on."""
    schedule = record.schedule
    if schedule is None:
        return None
    quarantined = schedule.state == "active" and schedule.fault is not None
    if schedule.state != "paused" and not quarantined:
        return None
    if record.live is not None:
        return Settlement(job_id=record.job_id, schedule=reactivated(schedule, now_ms=now_ms))
    active, run = resumed(schedule, now_ms=now_ms, zones=zones)
    return Settlement(job_id=record.job_id, schedule=active, next_run=run)


def retry(record: JobRecord, *, delay_ms: int, now_ms: int, zones: ZoneLookup) -> Settlement | None:
    """Open a new run of a failed or cancelled job, with fresh retries.

    Of a recurrence that has ended so, or whose latest run has, an occurrence is added, which
    begins at once: another instant would hold back those of the grid. So a delay is refused there.
    """
    last = record.last
    unlucky = last is not None and last.outcome != "completed"
    if record.schedule is not None:
        if delay_ms:
            raise _no_delay(delay_ms)
        ended = record.schedule.state in ("failed", "cancelled")
        return extra_run(record, now_ms=now_ms, zones=zones) if ended or unlucky else None
    if record.live is not None or last is None or not unlucky:
        return None
    due, spec = now_ms + delay_ms, after(last)
    run = occurrence(record.job_id, spec, last.number + 1, due, now_ms=now_ms)
    return Settlement(job_id=record.job_id, next_run=run, reopens=True)


def _no_delay(delay_ms: int) -> ValidationError:
    hint = "it would hold back the instants in between: retry it when it is to run"
    return invalid("delay", "0 for a recurring job", str(delay_ms), hint=hint)


def after(last: Finished) -> JobSpec:
    """Return what a job that runs once more asks for: with how its earlier runs ended counted."""
    spec = last.spec
    return replace(
        spec,
        failed_before=spec.failed_before + (last.outcome == "failed"),
        unbegun_before=spec.unbegun_before + last.never_began,
    )


def extra_run(record: JobRecord, *, now_ms: int, zones: ZoneLookup) -> Settlement | None:
    """Add an occurrence outside the grid; it waits for a run that is under way."""
    schedule = record.schedule
    if schedule is None:
        return None
    more = replace(schedule, extras=schedule.extras + 1, version=schedule.version + 1)
    live = record.live
    begun = live is not None and (live.state != "scheduled" or under_way(live))
    if live is not None and (begun or live.attempts or live.extra):
        return Settlement(job_id=record.job_id, schedule=more)
    # The waiting occurrence is made again from the watermark once the extra one has ended.
    moved, run = upcoming(more, now_ms=now_ms, zones=zones)
    dropped = None if live is None else run_ref(live)
    return Settlement(job_id=record.job_id, run=dropped, schedule=moved, next_run=run)


def _without_waiting(
    waiting: Run | None, schedule: Schedule, reason: str, now_ms: int, zones: ZoneLookup
) -> Settlement:
    """Change the recurrence and take its waiting run away; one that was tried has a history."""
    job = schedule.job_id
    if waiting is None or not waiting.attempts:
        ref = None if waiting is None else run_ref(waiting)
        freed = None if waiting is None else led_by(waiting)
        return Settlement(job_id=job, run=ref, schedule=schedule, release=freed)
    claim = Claim(waiting)
    ended = settle(claim, Cancelled(reason), now_ms=now_ms, draw=0.0, zones=zones)
    counted = count(schedule, ended.to) if isinstance(ended.to, Finished) else schedule
    return replace(ended, schedule=counted)
