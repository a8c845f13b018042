"""How a recurring job moves: its first run, its next one, its end (SPEC 4).

The definition of a recurrence lives apart from its runs. `watermark_ms` is the nominal instant of
the last occurrence that ended, so that any live run can be made again from the schedule alone.
All instants are epoch milliseconds.
"""

from msgspec.structs import replace

from ductape.domain.job import Finished, JobSpec, Run, Schedule
from ductape.domain.recurrence import anchor_of, first_instant, latest_instant, next_instant
from ductape.domain.request import Repeat
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import ValidationError

SHORTEST_PERIOD_MS = 100
"""No two instants of a recurrence are nearer to each other (SPEC 4)."""


def begin(
    job_id: str, spec: JobSpec, *, start_at_ms: int, now_ms: int, zones: ZoneLookup
) -> tuple[Schedule, Run | None]:
    """Open a recurrence with its first run; none where its end comes before any instant."""
    repeat = repeat_of(spec)
    first = first_instant(repeat, start_at_ms=start_at_ms, now_ms=now_ms, zones=zones)
    anchor = anchor_of(repeat, start_at_ms=start_at_ms, now_ms=now_ms)
    schedule = Schedule(
        job_id=job_id,
        spec=spec,
        state="active" if first is not None else "completed",
        version=1,
        anchor_ms=anchor,
        watermark_ms=None,
    )
    if first is None:
        return schedule, None
    return schedule, occurrence(job_id, spec, 1, first, now_ms=now_ms)


def replaced(
    old: Schedule,
    new: Schedule,
    first: Run | None,
    *,
    running: bool,
    tried: Finished | None = None,
) -> tuple[Schedule, Run | None]:
    """Give an old recurrence a new definition; count and history stay (SPEC 1, identity).

    A running run is left alone: the next one is then made when it ends. `tried` is one that gave
    way between two attempts: it was executed, but its instant may be the new definition's to run.
    A person's pause stays.
    Nor is an instant run twice whose run ended meanwhile: upkeep makes the one after it.
    """
    past = old.watermark_ms
    ran = first is not None and past is not None and first.scheduled_at_ms <= past
    over = new.spec.repeat is not None and _spent(new.spec.repeat, old.occurrences)
    paused = old.state == "paused" and new.state == "active"
    opens = first is not None and not (running or over or paused or ran)
    merged = replace(
        new,
        version=old.version + 1,
        watermark_ms=past if ran else new.watermark_ms,
        state="completed" if over and not running else "paused" if paused else new.state,
        next_number=old.next_number + (1 if opens else 0),
        occurrences=old.occurrences,
        executions=old.executions + (0 if tried is None else 1),
        failed=old.failed,
        extras=old.extras,
    )
    return merged, replace(first, number=old.next_number) if first is not None and opens else None


def advance(
    schedule: Schedule, ended: Finished, *, now_ms: int, zones: ZoneLookup
) -> tuple[Schedule, Run | None]:
    """Count an ended run and make the next one, if there is to be one."""
    counted = replace(count(schedule, ended), version=schedule.version + 1)
    if ended.outcome == "failed" and counted.state == "active":
        counted = _after_failure(counted)
    if ended.outcome == "completed" and counted.state == "failed":
        counted = _from_now(counted, now_ms)
    return upcoming(counted, now_ms=now_ms, zones=zones)


def count(schedule: Schedule, ended: Finished) -> Schedule:
    """Count a run that has ended, and note how far the recurrence has come by it.

    Further than its instant, where somebody has paused and resumed the job while it ran.
    """
    past = schedule.watermark_ms
    came = ended.scheduled_at_ms if past is None else max(past, ended.scheduled_at_ms)
    return replace(
        schedule,
        watermark_ms=past if ended.extra else came,
        occurrences=schedule.occurrences + (0 if ended.extra or ended.never_began else 1),
        executions=schedule.executions + (0 if ended.never_began else 1),
        failed=schedule.failed + (1 if ended.outcome == "failed" else 0),
    )


def upcoming(schedule: Schedule, *, now_ms: int, zones: ZoneLookup) -> tuple[Schedule, Run | None]:
    """Make the run that follows the watermark: an extra one first, else the next occurrence.

    Missed instants collapse into one run whose instant is the latest of them. A recurrence that
    cannot be computed is quarantined (`fault`) instead of holding up its neighbours.
    """
    if schedule.extras:
        return _extra(schedule, now_ms)
    if schedule.state != "active":
        return schedule, None
    if _spent(repeat_of(schedule.spec), schedule.occurrences):
        return replace(schedule, state="completed"), None
    try:
        instant = next_due(schedule, now_ms=now_ms, zones=zones)
    except (ValidationError, KeyError) as error:
        return replace(schedule, fault=str(error)), None
    if instant is None:
        return replace(schedule, state="completed"), None
    run = occurrence(schedule.job_id, schedule.spec, schedule.next_number, instant, now_ms=now_ms)
    return replace(schedule, next_number=schedule.next_number + 1), run


def next_due(schedule: Schedule, *, now_ms: int, zones: ZoneLookup) -> int | None:
    """Return the instant of the next occurrence: in the future, or the latest one missed."""
    repeat = repeat_of(schedule.spec)
    after, anchor = schedule.watermark_ms, schedule.anchor_ms
    instant = next_instant(repeat, after_ms=after, anchor_ms=anchor, zones=zones)
    if instant is None or instant > now_ms:
        return instant
    return latest_instant(repeat, after_ms=after, until_ms=now_ms, anchor_ms=anchor, zones=zones)


def nominal_instant(
    run: Run, schedule: Schedule, *, zones: ZoneLookup, now_ms: int | None = None
) -> int:
    """Return the instant that a run stands for: the latest that had come when it first began.

    A run that waited longer than its period, for want of a worker, has missed those after its own:
    they collapse into it, and no second run follows for them. One that waits still is judged as if
    it began now, where `now_ms` says when that is.
    """
    began_ms, own_ms = run.first_started_at_ms, run.scheduled_at_ms
    if began_ms is None and schedule.state == "active":
        began_ms = now_ms
    if began_ms is None or began_ms - own_ms < SHORTEST_PERIOD_MS or run.extra:
        return own_ms
    if schedule.spec != run.spec:  # it was given another definition, whose instants are others
        return own_ms
    try:
        latest_ms = latest_instant(
            repeat_of(run.spec),
            after_ms=own_ms,
            until_ms=began_ms,
            anchor_ms=schedule.anchor_ms,
            zones=zones,
        )
    except (ValidationError, KeyError):  # `upcoming` will meet the same, and quarantine it
        return own_ms
    return own_ms if latest_ms is None else latest_ms


def resumed(schedule: Schedule, *, now_ms: int, zones: ZoneLookup) -> tuple[Schedule, Run | None]:
    """Go on after a pause with the first instant from now: those in between are skipped."""
    return upcoming(reactivated(schedule, now_ms=now_ms), now_ms=now_ms, zones=zones)


def reactivated(schedule: Schedule, *, now_ms: int) -> Schedule:
    """Make a halted recurrence live whose next run is not made yet: one is under way."""
    return replace(_from_now(schedule, now_ms), fault=None, version=schedule.version + 1)


def occurrence(job_id: str, spec: JobSpec, number: int, instant_ms: int, *, now_ms: int) -> Run:
    """Make a waiting run for one instant."""
    return Run(
        job_id=job_id,
        number=number,
        state="queued" if instant_ms <= now_ms else "scheduled",
        spec=spec,
        scheduled_at_ms=instant_ms,
        due_at_ms=max(instant_ms, now_ms) if instant_ms <= now_ms else instant_ms,
    )


def repeat_of(spec: JobSpec) -> Repeat:
    """Return the recurrence of a spec that has one."""
    if spec.repeat is None:
        msg = "a recurring job without a recurrence"
        raise ValueError(msg)
    return spec.repeat


def _from_now(schedule: Schedule, now_ms: int) -> Schedule:
    """Make a halted recurrence live: its next instant is the first from now on.

    That is also what a success does to one that a failure has stopped, once somebody has retried
    it or run it: a job is queued again after each successful execution.
    """
    behind = schedule.watermark_ms is None or schedule.watermark_ms < now_ms - 1
    mark = now_ms - 1 if behind else schedule.watermark_ms
    return replace(schedule, state="active", watermark_ms=mark)


def _extra(schedule: Schedule, now_ms: int) -> tuple[Schedule, Run]:
    run = occurrence(schedule.job_id, schedule.spec, schedule.next_number, now_ms, now_ms=now_ms)
    later = replace(schedule, extras=schedule.extras - 1, next_number=schedule.next_number + 1)
    return later, replace(run, extra=True)


def _after_failure(schedule: Schedule) -> Schedule:
    match repeat_of(schedule.spec).on_failure:
        case "continue":
            return schedule
        case "stop":
            return replace(schedule, state="failed")
        case "pause":
            return replace(schedule, state="paused")


def _spent(repeat: Repeat, occurrences: int) -> bool:
    return repeat.limit is not None and occurrences >= repeat.limit
