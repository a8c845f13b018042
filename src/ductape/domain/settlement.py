"""What follows from the end of an attempt. Pure; every road to a final state goes through here.

`settle` takes a claim as it was read, the outcome, the instant and a draw, and answers with all
that the store records in one transaction: the attempt, the run's next state or its place in
history, the retry's instant, the cache entry, and the next occurrence of a recurrence (DESIGN 1).
"""

from typing import assert_never

from msgspec.structs import replace

from ductape.domain.change import CacheEntry, RunRef, Settlement
from ductape.domain.job import NEVER_MS, Attempt, AttemptStatus, Claim, Finished, Run
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.lifecycle import RunOutcome, ScheduleState
from ductape.domain.outcome import (
    Cached,
    Cancelled,
    Expired,
    Failure,
    Interrupted,
    Lost,
    Outcome,
    StoredError,
    Success,
    Suspended,
)
from ductape.domain.recurring import advance, nominal_instant
from ductape.domain.retry import MOST_LOSSES, delay_ms, least_wait_ms, may_retry
from ductape.domain.standing import losses_in_a_row
from ductape.domain.time.zone import ZoneLookup

PAUSING = frozenset({"SESSION_INVALID", "SESSION_EXPIRED", "SEAL_BROKEN"})
"""What would fail every later run too pauses a recurrence instead, for a person (SPEC 6, 16)."""

UNTRIED = frozenset({"EXPIRED", "SEAL_BROKEN"})
"""What keeps a run from beginning costs no attempt."""


def settle(
    claim: Claim, outcome: Outcome, *, now_ms: int, draw: float, zones: ZoneLookup
) -> Settlement:
    """Decide what an outcome means for its run and its job."""
    match outcome:
        case Success(result):
            ended = _end(claim.run, "completed", now_ms, result=result)
        case Cached(result):
            ended = _end(claim.run, "completed", now_ms, result=result, cached=True)
        case Cancelled(reason):
            ended = _end(claim.run, "cancelled", now_ms, error=_cancelled(reason, now_ms))
        case Expired():
            ended = _end(claim.run, "failed", now_ms, error=_expired(now_ms))
        case Failure():
            ended = _fail(claim.run, outcome, now_ms, draw)
        case Lost(reason):
            ended = _lose(claim.run, reason, now_ms)
        case Interrupted(begun):
            ended = _interrupt(claim.run, now_ms, begun=begun)
        case Suspended():
            return _suspend(claim.run, outcome, now_ms)
        case _:
            assert_never(outcome)
    return _settlement(claim, ended, now_ms, zones)


def with_cache(settlement: Settlement, entry: CacheEntry | None) -> Settlement:
    """Leave a leader's result for equal runs, those parked behind it first."""
    if entry is None or settlement.release is not None:
        return settlement
    return replace(settlement, cache=entry)


def dropped(run: Run, *, now_ms: int) -> Finished | None:
    """Return what history keeps of a waiting run that gives way: nothing if it was never tried."""
    if not run.attempts:
        return None
    return _end(run, "cancelled", now_ms, error=_cancelled("replaced", now_ms))


def run_ref(run: Run) -> RunRef:
    """Name a run as it was read."""
    return RunRef(run.job_id, run.number, run.fence)


def led_by(run: Run) -> bytes | None:
    """Return the cache key under which other runs may be waiting for this one."""
    return None if run.state == "parked" else run.cache_key


def _settlement(claim: Claim, ended: Finished | Run, now_ms: int, zones: ZoneLookup) -> Settlement:
    current = claim.schedule
    if current is not None and isinstance(ended, Finished):
        nominal_ms = nominal_instant(claim.run, current, zones=zones, now_ms=now_ms)
        ended = replace(ended, scheduled_at_ms=nominal_ms)
    done = Settlement(
        job_id=claim.run.job_id, run=run_ref(claim.run), to=ended, release=_freed(claim.run, ended)
    )
    if current is None or isinstance(ended, Run):
        return done
    if ended.error is not None and current.state == "active":
        current = replace(current, state=_state_after(ended.error.code))
    schedule, next_run = advance(current, ended, now_ms=now_ms, zones=zones)
    return replace(done, schedule=schedule, next_run=next_run)


def _freed(run: Run, ended: Finished | Run) -> bytes | None:
    """Return the cache key whose followers must not wait for this run any longer."""
    answers = isinstance(ended, Finished) and ended.outcome == "completed" and not ended.cached
    return None if answers else led_by(run)


def _state_after(code: str) -> ScheduleState:
    """Return what an error makes of a live recurrence, beyond the caller's `onFailure`."""
    if code in PAUSING:
        return "paused"
    return "completed" if code == "EXPIRED" else "active"


def _fail(run: Run, failure: Failure, now_ms: int, draw: float) -> Finished | Run:
    failures = run.failures + 1
    if not may_retry(run.spec.retry, run.spec.retries, failures, failure):
        return _end(replace(run, failures=failures), "failed", now_ms, error=failure.error)
    delay = delay_ms(run.spec.retry, failures, draw, least_wait_ms(failure))
    again = _back(run, "failed", now_ms, due_at_ms=now_ms + delay, error=failure.error)
    return replace(again, failures=failures, losses=0)


def _lose(run: Run, reason: str, now_ms: int) -> Finished | Run:
    error = StoredError(code="WORKER_LOST", message=reason, type="WorkerLost", at=now_ms)
    if run.spec.on_lost == "fail" or losses_in_a_row(run) + 1 >= MOST_LOSSES:
        return _end(run, "failed", now_ms, error=error, status="lost")
    again = _back(run, "lost", now_ms, due_at_ms=now_ms, error=error)
    return replace(again, losses=losses_in_a_row(run) + 1)


def _interrupt(run: Run, now_ms: int, *, begun: bool) -> Finished | Run:
    if run.spec.on_lost == "retry" or not begun:
        return _back(run, "interrupted", now_ms, due_at_ms=now_ms)
    # It had begun: once more would be more than at most once.
    reason = "the worker stopped in the middle of it, and `onLost` is `fail`"
    error = StoredError(code="WORKER_LOST", message=reason, type="WorkerLost", at=now_ms)
    return _end(run, "failed", now_ms, error=error, status="interrupted")


def _suspend(run: Run, outcome: Suspended, now_ms: int) -> Settlement:
    """Hold a run until an instant or a signal: it leads whom it led, and no attempt is listed."""
    until_ms = NEVER_MS if outcome.until_ms is None else outcome.until_ms
    held = replace(
        run,
        state="scheduled" if until_ms > now_ms else "queued",
        due_at_ms=max(until_ms, now_ms),
        fence=run.fence + 1,
        losses=0,
        worker=None,
        started_at_ms=None,
        lacks=outcome.lacks,
    )
    undoing = outcome.undoing
    return Settlement(run.job_id, run_ref(run), held, suspends=True, undoing=undoing)


def _back(
    run: Run,
    status: AttemptStatus,
    now_ms: int,
    *,
    due_at_ms: int,
    error: StoredError | None = None,
) -> Run:
    return replace(
        run,
        state="scheduled" if due_at_ms > now_ms else "queued",
        due_at_ms=due_at_ms,
        fence=run.fence + 1,
        attempts=_with_attempt(run, status, now_ms, error),
        worker=None,
        started_at_ms=None,
        cache_key=None,
        lacks=None,
    )


def _end(
    run: Run,
    outcome: RunOutcome,
    now_ms: int,
    *,
    result: JsonValue = None,
    error: StoredError | None = None,
    cached: bool = False,
    status: AttemptStatus | None = None,
) -> Finished:
    attempts = run.attempts
    if not cached and run.state == "running" and not _never_began(error):
        attempts = _with_attempt(run, status or outcome, now_ms, error)
    return Finished(
        job_id=run.job_id,
        number=run.number,
        outcome=outcome,
        spec=run.spec,
        scheduled_at_ms=run.scheduled_at_ms,
        started_at_ms=run.first_started_at_ms,
        completed_at_ms=now_ms,
        attempts=attempts,
        result=result,
        error=error,
        cached=cached,
        extra=run.extra,
        failures=run.failures,
        progress=run.progress,
    )


def _with_attempt(
    run: Run, status: AttemptStatus, now_ms: int, error: StoredError | None
) -> tuple[Attempt, ...]:
    attempt = Attempt(
        number=len(run.attempts) + 1,
        started_at_ms=run.started_at_ms if run.started_at_ms is not None else now_ms,
        completed_at_ms=now_ms,
        status=status,
        worker=run.worker or "",
        error=error,
    )
    return (*run.attempts, attempt)


def _never_began(error: StoredError | None) -> bool:
    return error is not None and error.code in UNTRIED


def _cancelled(reason: str | None, now_ms: int) -> StoredError:
    return StoredError(
        code="JOB_CANCELLED", message=reason or "cancelled", type="JobCancelled", at=now_ms
    )


def _expired(now_ms: int) -> StoredError:
    return StoredError(
        code="EXPIRED",
        message="not started before its `expires_at`",
        type="Expired",
        at=now_ms,
    )
