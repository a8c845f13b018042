"""What is told of each change: once, and of the job as the change leaves it."""

import pytest
from msgspec.structs import replace

from ductape.domain.change import Settlement
from ductape.domain.job import Claim, Finished, Run, Schedule
from ductape.domain.lifecycle import ScheduleState
from ductape.domain.operations import cancel, extra_run, pause, resume, retry
from ductape.domain.outcome import Cached, Cancelled, Expired, Interrupted, Lost, Outcome, Success
from ductape.domain.record import JobRecord
from ductape.domain.request import Repeat
from ductape.domain.webhooks.events import JobEvent
from ductape.domain.webhooks.happened import happened, record_after, record_of
from tests.builders import NOW_MS, ZONES, a_failure, a_run, a_schedule, a_spec, an_id, decide

LATER_MS = NOW_MS + 500
MINUTELY = Repeat(every_ms=60_000)


def a_held_run(*, retries: int = 0) -> Claim:
    return Claim(a_run(a_spec(retries=retries), state="running", fence=1, worker="w1"))


def a_held_occurrence(
    repeat: Repeat = MINUTELY, state: ScheduleState = "active", retries: int = 0
) -> Claim:
    spec = a_spec(repeat=repeat, retries=retries)
    schedule = a_schedule(repeat, job_id=an_id(), spec=spec, state=state)
    run = a_run(spec, job_id=schedule.job_id, state="running", fence=1, worker="w1")
    return Claim(run, schedule)


def told(claim: Claim, outcome: Outcome) -> tuple[JobEvent, ...]:
    return happened(record_of(claim), decide(claim, outcome, LATER_MS))


def a_record(schedule: Schedule, live: Run | None) -> JobRecord:
    return JobRecord(schedule.job_id, live, schedule, None)


def told_by(record: JobRecord, settlement: Settlement | None) -> tuple[JobEvent, ...]:
    assert settlement is not None
    return happened(record, settlement)


@pytest.mark.parametrize(
    ("outcome", "events"),
    [
        (Success(1), ("job.completed",)),
        (Cached(1), ("job.completed",)),
        (a_failure(), ("job.failed",)),
        (Expired(), ("job.failed",)),
        (Cancelled("no"), ("job.cancelled",)),
        (Interrupted(), ()),
        (Lost("dead"), ()),
    ],
)
def test_each_end_of_a_run_is_told_and_no_return_of_one(
    outcome: Outcome, events: tuple[JobEvent, ...]
) -> None:
    assert told(a_held_run(), outcome) == events
    assert told(a_held_occurrence(), outcome) == events


def test_a_failure_with_a_retry_left_is_not_told() -> None:
    assert told(a_held_run(retries=1), a_failure()) == ()


def test_the_third_loss_is_told_as_a_failure() -> None:
    claim = a_held_run()
    claim = replace(claim, run=replace(claim.run, losses=2))
    assert told(claim, Lost("dead")) == ("job.failed",)


@pytest.mark.parametrize(
    ("on_failure", "events"),
    [
        ("continue", ("job.failed",)),
        ("stop", ("job.failed",)),
        ("pause", ("job.failed", "job.paused")),
    ],
)
def test_a_failure_that_halts_its_recurrence_is_told_as_both(
    on_failure: str, events: tuple[JobEvent, ...]
) -> None:
    repeat = replace(MINUTELY, on_failure=on_failure)
    assert told(a_held_occurrence(repeat), a_failure()) == events


def test_what_stopped_and_succeeds_when_retried_is_told_as_resumed() -> None:
    claim = a_held_occurrence(replace(MINUTELY, on_failure="stop"))
    assert claim.schedule is not None
    stopped = replace(claim.schedule, state="failed")
    once_more = Claim(replace(claim.run, extra=True), stopped)
    assert told(once_more, Success(1)) == ("job.completed", "job.resumed")


def test_a_revoked_session_pauses_a_recurrence() -> None:
    assert told(a_held_occurrence(), a_failure("SESSION_INVALID")) == ("job.failed", "job.paused")


def test_the_last_occurrence_tells_of_the_end() -> None:
    claim = a_held_occurrence(replace(MINUTELY, limit=1))
    settlement = decide(claim, Success(1), LATER_MS)
    assert happened(record_of(claim), settlement) == ("job.completed",)
    assert record_after(record_of(claim), settlement).status == "completed"


def test_a_waiting_job_that_is_cancelled_tells_so() -> None:
    run = a_run(due_ms=LATER_MS)
    record = JobRecord(run.job_id, run, None, None)
    ended = cancel(record, "no", run_only=False, now_ms=NOW_MS, zones=ZONES)
    assert told_by(record, ended) == ("job.cancelled",)
    assert ended is not None
    assert record_after(record, ended).status == "cancelled"


def a_waiting_recurrence(*, tried: bool = False, **changes: object) -> JobRecord:
    schedule = a_schedule(MINUTELY, **changes)
    held = replace(decide(a_held_run(retries=1), a_failure(), NOW_MS))
    run = a_run(schedule.spec, job_id=schedule.job_id, due_ms=LATER_MS)
    if tried and isinstance(held.to, Run):
        run = replace(run, attempts=held.to.attempts)
    return a_record(schedule, run)


@pytest.mark.parametrize("tried", [False, True])
def test_a_cancelled_recurrence_is_told_once(tried: bool) -> None:  # noqa: FBT001 (a parameter)
    record = a_waiting_recurrence(tried=tried)
    ended = cancel(record, "no", run_only=False, now_ms=NOW_MS, zones=ZONES)
    assert told_by(record, ended) == ("job.cancelled",)
    assert ended is not None
    assert isinstance(ended.to, Finished) is tried
    assert record_after(record, ended).status == "cancelled"


def test_the_run_of_a_cancelled_recurrence_is_no_second_cancellation() -> None:
    claim = a_held_occurrence(state="cancelled")
    assert told(claim, Cancelled("no")) == ()
    assert told(claim, Success(1)) == ("job.completed",)


def test_one_run_of_a_recurrence_that_is_cancelled_is_told() -> None:
    record = a_waiting_recurrence()
    ended = cancel(record, "no", run_only=True, now_ms=NOW_MS, zones=ZONES)
    assert told_by(record, ended) == ("job.cancelled",)
    assert ended is not None
    assert record_after(record, ended).status == "scheduled"


@pytest.mark.parametrize("tried", [False, True])
def test_a_pause_and_its_end_are_told(tried: bool) -> None:  # noqa: FBT001 (a parameter)
    record = a_waiting_recurrence(tried=tried)
    halted = pause(record, now_ms=NOW_MS, zones=ZONES)
    assert told_by(record, halted) == ("job.paused",)
    assert halted is not None
    after = record_after(record, halted)
    assert after.status == "paused"
    resumed = resume(after, now_ms=LATER_MS, zones=ZONES)
    assert told_by(after, resumed) == ("job.resumed",)
    assert resumed is not None
    assert record_after(after, resumed).status == "scheduled"


def test_a_recurrence_with_nothing_left_to_resume_is_told_to_have_ended() -> None:
    spec = a_spec(repeat=replace(MINUTELY, end_at_ms=NOW_MS))
    record = a_record(a_schedule(spec=spec, state="paused"), None)
    ended = resume(record, now_ms=LATER_MS, zones=ZONES)
    assert told_by(record, ended) == ("job.resumed", "job.completed")


def test_a_recurrence_taken_out_of_quarantine_is_told_to_go_on() -> None:
    record = a_record(a_schedule(fault="no such zone"), None)
    assert told_by(record, resume(record, now_ms=NOW_MS, zones=ZONES)) == ("job.resumed",)


def test_a_job_that_is_retried_is_told_to_be_scheduled() -> None:
    claim = a_held_run()
    failed = record_after(record_of(claim), decide(claim, a_failure(), NOW_MS))
    again = retry(failed, delay_ms=0, now_ms=NOW_MS, zones=ZONES)
    assert told_by(failed, again) == ("job.scheduled",)
    assert again is not None
    assert record_after(failed, again).status == "queued"


@pytest.mark.parametrize("running", [False, True])
def test_an_occurrence_that_somebody_asks_for_is_told(running: bool) -> None:  # noqa: FBT001 (a parameter)
    claim = a_held_occurrence()
    record = record_of(claim) if running else a_waiting_recurrence()
    more = extra_run(record, now_ms=NOW_MS, zones=ZONES)
    assert told_by(record, more) == ("job.scheduled",)


def test_the_next_occurrence_is_not_told() -> None:
    claim = a_held_occurrence()
    settlement = decide(claim, Success(1), LATER_MS)
    assert settlement.next_run is not None
    assert happened(record_of(claim), settlement) == ("job.completed",)
