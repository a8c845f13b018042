"""What a settlement means to those who are told: read off the job before it and the change itself.

One change is told once: a run that goes because its recurrence is cancelled or paused is no
cancellation of its own, and a recurrence that ends with its last run is told by that run's end.
"""

from msgspec.structs import replace

from ductape.domain.change import Settlement
from ductape.domain.job import Claim, Finished, Run, Schedule
from ductape.domain.record import JobRecord
from ductape.domain.webhooks.events import JobEvent


def record_of(claim: Claim) -> JobRecord:
    """Return what a worker knows of the job that it has a run of."""
    return JobRecord(claim.run.job_id, claim.run, claim.schedule, None)


def happened(before: JobRecord, settlement: Settlement) -> tuple[JobEvent, ...]:
    """Return what is to be told once the settlement is recorded, in order."""
    found: list[JobEvent] = [*_of_run(before, settlement), *_of_schedule(before, settlement)]
    if settlement.reopens or _asks_for_one_more(before, settlement):
        found.append("job.scheduled")
    return tuple(found)


def record_after(before: JobRecord, settlement: Settlement) -> JobRecord:
    """Return the job as the settlement leaves it; where a run has ended, that run speaks for it."""
    ended = settlement.to
    schedule = settlement.schedule or before.schedule
    if isinstance(ended, Finished):
        return replace(before, live=None, schedule=schedule, last=ended)
    gone = settlement.run is not None
    live = settlement.next_run or (None if gone else before.live)
    return replace(before, live=live, schedule=schedule)


def _of_run(before: JobRecord, settlement: Settlement) -> tuple[JobEvent, ...]:
    match settlement.to:
        case Finished(outcome="completed"):
            return ("job.completed",)
        case Finished(outcome="failed"):
            return ("job.failed",)
        case Finished(outcome="cancelled") if not _told_by_recurrence(before, settlement):
            return ("job.cancelled",)
        case Finished() | Run() | None:
            return ()


def _told_by_recurrence(before: JobRecord, settlement: Settlement) -> bool:
    old, new = before.schedule, settlement.schedule
    if old is None or new is None:
        return False
    return old.state == "cancelled" or (
        new.state != old.state and new.state in ("cancelled", "paused")
    )


def _of_schedule(before: JobRecord, settlement: Settlement) -> tuple[JobEvent, ...]:
    old, new = before.schedule, settlement.schedule
    if old is None or new is None:
        return ()
    if new.state == old.state:
        mended = old.fault is not None and new.fault is None
        return ("job.resumed",) if mended and new.state == "active" else ()
    match new.state:
        case "active":
            return ("job.resumed",)
        case "paused":
            return ("job.paused",)
        case "cancelled":
            return ("job.cancelled",)
        case "completed" | "failed":
            return _ended_without_run(old, settlement)


def _ended_without_run(old: Schedule, settlement: Settlement) -> tuple[JobEvent, ...]:
    """Tell of an end that no run's end tells: a resumed recurrence whose last instant is gone."""
    if isinstance(settlement.to, Finished):
        return ()
    return ("job.resumed", "job.completed") if old.state == "paused" else ("job.completed",)


def _asks_for_one_more(before: JobRecord, settlement: Settlement) -> bool:
    """Tell whether somebody asked for an occurrence outside the grid (`retry`, `run_now`)."""
    old, new = before.schedule, settlement.schedule
    if old is None or new is None or new.executions != old.executions:
        return False
    opened = settlement.next_run is not None and settlement.next_run.extra
    return new.extras > old.extras or (opened and new.extras == old.extras)
