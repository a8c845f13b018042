"""What a person's verb does to a job, decided from what was read."""

from msgspec.structs import replace

from ductape.domain.operations import cancel, goes_on_at, pause, resume
from ductape.domain.record import JobRecord
from ductape.domain.recurring import replaced, upcoming
from tests.builders import NOW_MS, ZONES, a_recurring_job, a_run


def test_a_new_definition_of_a_paused_recurrence_leaves_it_paused() -> None:
    job = a_recurring_job()
    assert job.schedule is not None
    old = replace(job.schedule, state="paused", version=4, occurrences=2, extras=1)
    schedule, first = replaced(old, job.schedule, job.run, running=False)
    assert (schedule.state, schedule.version, schedule.extras) == ("paused", 5, 1)
    assert (schedule.occurrences, schedule.next_number, first) == (2, old.next_number, None)


def test_a_new_definition_of_a_live_recurrence_opens_its_own_first_run() -> None:
    job = a_recurring_job()
    assert job.schedule is not None
    old = replace(job.schedule, version=4, next_number=7)
    schedule, first = replaced(old, job.schedule, job.run, running=False)
    assert first is not None
    assert (schedule.state, first.number, schedule.next_number) == ("active", 7, 8)


def test_an_instant_whose_run_ended_meanwhile_is_not_run_by_the_new_definition_too() -> None:
    job = a_recurring_job()
    assert job.schedule is not None
    assert job.run is not None
    instant = job.run.scheduled_at_ms
    old = replace(job.schedule, version=4, watermark_ms=instant)
    schedule, first = replaced(old, job.schedule, job.run, running=False)
    assert (first, schedule.watermark_ms, schedule.state) == (None, instant, "active")
    _, mended = upcoming(schedule, now_ms=instant, zones=ZONES)
    assert mended is not None
    assert mended.scheduled_at_ms > instant


def test_a_changed_recurrence_goes_on_where_it_was() -> None:
    job = a_recurring_job()
    assert job.schedule is not None
    assert job.run is not None
    due = job.run.scheduled_at_ms
    record = JobRecord(job.job_id, job.run, job.schedule, None)
    every = job.schedule.spec.repeat and job.schedule.spec.repeat.every_ms
    assert every is not None
    assert goes_on_at(record, now_ms=due + every + 1, zones=ZONES) == due
    begun = replace(record, live=replace(job.run, state="running"))
    assert goes_on_at(begun, now_ms=due + 1, zones=ZONES) == due + every
    broken = replace(record, schedule=replace(job.schedule, fault="no such zone"))
    assert goes_on_at(broken, now_ms=due, zones=ZONES) is None


def test_pausing_a_released_run_frees_those_that_wait_behind_it() -> None:
    job = a_recurring_job()
    assert job.schedule is not None
    released = a_run(spec=job.spec, state="queued", cache_key=b"k")
    record = JobRecord(job.job_id, released, job.schedule, None)
    halted = pause(record, now_ms=NOW_MS, zones=ZONES)
    assert halted is not None
    assert (halted.release, halted.to) == (b"k", None)


def test_cancelling_a_parked_run_frees_nobody() -> None:
    parked = a_run(state="parked", cache_key=b"k")
    record = JobRecord(parked.job_id, parked, None, None)
    ended = cancel(record, None, run_only=False, now_ms=NOW_MS, zones=ZONES)
    assert ended is not None
    assert ended.release is None


def test_a_cancelled_recurrence_cannot_be_resumed() -> None:
    job = a_recurring_job()
    assert job.schedule is not None
    over = replace(job.schedule, state="cancelled")
    record = JobRecord(job.job_id, None, over, None)
    assert resume(record, now_ms=NOW_MS, zones=ZONES) is None
