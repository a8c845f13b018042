"""What must hold when all is over: the ledgers against the store.

Each broken promise is a sentence; the promises are those of SPEC 4, 5 and 11. Instants are epoch
milliseconds.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from torture.evidence import Recorded, Tried
from torture.fleet import Deed
from torture.ledger import Asked, Began, Ended, Line, Told
from torture.load import AT_A_TIME, RETRY_MS
from torture.plan import Plan

MOST_LOSSES = 3

Span = tuple[int, int]


@dataclass(frozen=True)
class Loss:
    """A run that was taken from a worker that had died or was frozen."""

    job: str
    run: int
    after_ms: int
    """From the deed to the take-over, the time of outages left out."""


class Case:
    """All that is known of a story."""

    def __init__(
        self,
        plan: Plan,
        lines: Sequence[Line],
        history: Sequence[Recorded],
        deeds: Sequence[Deed],
        outages: Sequence[Span],
    ) -> None:
        """Sort it by what it is about."""
        self.plan = plan
        self.history = history
        self.deeds = sorted(deeds, key=lambda deed: deed.at_ns)
        self.outages = outages
        self.asked = [line for line in lines if isinstance(line, Asked)]
        self.told = [line for line in lines if isinstance(line, Told)]
        self.calls = {line.token: line for line in lines if isinstance(line, Began)}
        self.ends = {line.token: line for line in lines if isinstance(line, Ended)}
        self.of_job = {one.job: one for one in self.asked if one.job is not None}
        self.of_number = {one.n: one for one in self.asked}
        self.runs = {(row.job, row.run): row for row in history}
        self.losses = list(_losses(self))

    def refused(self) -> int:
        """Count the results of lost attempts that came after all."""
        lost = {
            (row.job, row.run, tried.number)
            for row in self.history
            for tried in row.attempts
            if tried.status == "lost"
        }
        calls = (self.calls[token] for token in self.ends)
        return sum((call.job, call.run, call.attempt) in lost for call in calls)


def judge(case: Case) -> list[str]:
    """Return every broken promise."""
    return [
        *_every_job_has_ended_once(case),
        *_results_are_those_of_the_last_attempt(case),
        *_failed_attempts_are_real(case),
        *_every_attempt_is_recorded(case),
        *_no_attempt_is_executed_twice(case),
        *_retries_are_counted(case),
        *_nothing_is_early(case),
        *_occurrences_are_exact(case),
        *_runs_never_overlap(case),
        *_limits_are_kept(case),
        *_take_overs_are_in_time(case),
        *_nothing_is_lost_without_cause(case),
        *_who_waited_was_told_the_truth(case),
    ]


def _every_job_has_ended_once(case: Case) -> Iterator[str]:
    rows = Counter((row.job, row.run) for row in case.history)
    yield from (f"run {name} is recorded {n} times" for name, n in rows.items() if n > 1)
    for asked in case.asked:
        if asked.job is not None and (asked.job, 1) not in rows:
            yield f"job {asked.job} ({asked.event}) was accepted and never ended"
    jobs: dict[int, set[str]] = defaultdict(set)
    for call in case.calls.values():
        jobs[call.n].add(call.job)
        if (call.job, call.run) not in rows:
            yield f"run {call.run} of job {call.job} was executed and has no history"
    yield from (f"request {n} became jobs {made}" for n, made in jobs.items() if len(made) > 1)
    keys = Counter(asked.job for asked in case.asked if asked.job is not None)
    yield from (f"job {job} has {n} receipts" for job, n in keys.items() if n > 1)


def _results_are_those_of_the_last_attempt(case: Case) -> Iterator[str]:
    for row in case.history:
        if row.outcome != "completed":
            continue
        call = case.calls.get(row.result or "")
        name = f"run {row.run} of job {row.job}"
        if call is None:
            yield f"{name} has the result {row.result!r}, which nobody returned"
        elif (call.job, call.run) != (row.job, row.run):
            yield f"{name} has the result of run {call.run} of job {call.job}"
        elif call.attempt != row.attempts[-1].number or call.pid != row.attempts[-1].pid:
            yield f"{name} has the result of attempt {call.attempt}, which had lost it"


def _failed_attempts_are_real(case: Case) -> Iterator[str]:
    for row, tried in _attempts(case):
        if tried.status == "failed":
            call = case.calls.get("" if tried.error is None else tried.error.message)
            meant = (row.job, row.run, tried.number)
            if call is None or (call.job, call.run, call.attempt) != meant:
                yield f"attempt {tried.number} of job {row.job} failed with {tried.error}"


def _every_attempt_is_recorded(case: Case) -> Iterator[str]:
    """Whoever records what he has lost wipes out the attempt that was made since."""
    for call in case.calls.values():
        row = case.runs.get((call.job, call.run))
        attempts = () if row is None else row.attempts
        if row is not None and [t.pid for t in attempts if t.number == call.attempt] != [call.pid]:
            yield f"attempt {call.attempt} of job {call.job} by {call.pid} is not recorded"


def _no_attempt_is_executed_twice(case: Case) -> Iterator[str]:
    once = Counter((call.job, call.run, call.attempt) for call in case.calls.values())
    yield from (f"attempt {name} was executed {n} times" for name, n in once.items() if n > 1)
    calls = Counter((call.job, call.run) for call in case.calls.values())
    for (job, run), count in calls.items():
        asked = case.of_job.get(job)
        if asked is not None and asked.once and count > 1:
            yield f"run {run} of job {job}, at most once, was executed {count} times"


def _retries_are_counted(case: Case) -> Iterator[str]:
    for row in case.history:
        statuses = [tried.status for tried in row.attempts]
        failed = statuses.count("failed")
        lost = row.error is not None and row.error.code == "WORKER_LOST"
        asked = case.of_job.get(row.job)
        once = asked is not None and asked.once
        # An interruption costs nothing: it is neither a loss nor the end of a row of them.
        in_a_row = [status for status in statuses if status != "interrupted"][-MOST_LOSSES:]
        if lost and not once and in_a_row != ["lost"] * MOST_LOSSES:
            yield f"job {row.job} was given up after {statuses}"
        if row.event == "doomed" and not lost and (row.outcome, failed) != ("failed", 2):
            yield f"job {row.job}, which always fails, is {row.outcome} after {statuses}"
        if row.event != "doomed" and not lost and row.outcome != "completed":
            yield f"job {row.job} ({row.event}) is {row.outcome}: {row.error}"
        if row.event not in ("doomed", "flaky") and failed:
            yield f"job {row.job} ({row.event}) has failed attempts: {statuses}"


def _nothing_is_early(case: Case) -> Iterator[str]:
    for call in case.calls.values():
        row = case.runs.get((call.job, call.run))
        if row is None or call.attempt > len(row.attempts):
            continue
        due_ms = row.scheduled_ms
        if call.attempt > 1:
            before = row.attempts[call.attempt - 2]
            due_ms = before.completed_at_ms + (RETRY_MS if before.status == "failed" else 0)
        if call.at_ns < due_ms * 1_000_000:
            early = due_ms - call.at_ns / 1_000_000
            yield f"attempt {call.attempt} of job {call.job} began {early:.3f} ms early"
    for asked in case.asked:
        row = case.runs.get((asked.job or "", 1))
        if row is not None and row.scheduled_ms < asked.due_ms:
            yield f"job {asked.job} is due before it was asked for"


def _occurrences_are_exact(case: Case) -> Iterator[str]:
    for asked in case.asked:
        if not asked.recurs or asked.job is None:
            continue
        rows = sorted((row for row in case.history if row.job == asked.job), key=lambda r: r.run)
        if [row.run for row in rows] != list(range(1, asked.limit + 1)):
            yield f"recurring job {asked.job} has {len(rows)} occurrences of {asked.limit}"
        for row in rows:
            if (row.scheduled_ms - asked.due_ms) % asked.recurs:
                yield f"occurrence {row.run} of job {asked.job} is beside its grid"
        for before, row in pairwise(rows):
            expected = _next_occurrence(before, row, asked.recurs)
            if row.scheduled_ms != expected:
                yield f"occurrence {row.run} of job {asked.job} is not that of {expected}"


def _next_occurrence(before: Recorded, row: Recorded, every_ms: int) -> int:
    """Return which instant a run stands for: the latest that had come when it began."""
    missed = (before.completed_ms - before.scheduled_ms) // every_ms
    made_for_ms = before.scheduled_ms + max(missed, 1) * every_ms
    late_ms = row.attempts[0].started_at_ms - made_for_ms if row.attempts else 0
    return made_for_ms + max(late_ms // every_ms, 0) * every_ms


def _runs_never_overlap(case: Case) -> Iterator[str]:
    began: dict[tuple[str, int], int] = {}
    for call in case.calls.values():
        name = (call.job, call.run)
        began[name] = min(call.at_ns, began.get(name, call.at_ns))
    for row in case.history:
        end, after = case.ends.get(row.result or ""), began.get((row.job, row.run + 1))
        if end is not None and after is not None and after < end.at_ns:
            yield f"run {row.run + 1} of job {row.job} began before the end of the one before"


def _limits_are_kept(case: Case) -> Iterator[str]:
    """Count the calls of each concurrency key that were under way at once, lost ones left out."""
    moments: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row, tried in _attempts(case):
        asked = case.of_job.get(row.job)
        if asked is not None and asked.group and tried.status in ("completed", "failed"):
            token = (row.result if tried.error is None else tried.error.message) or ""
            if token in case.ends:
                moments[asked.group] += [(case.calls[token].at_ns, 1), (case.ends[token].at_ns, -1)]
    for group, ups_and_downs in moments.items():
        most = max(accumulate(step for _, step in sorted(ups_and_downs)))
        if most > AT_A_TIME:
            yield f"of {group} {most} were executed at once, {AT_A_TIME} allowed"


def _take_overs_are_in_time(case: Case) -> Iterator[str]:
    for loss in case.losses:
        if loss.after_ms > case.plan.allowed_ms:
            yield f"run {loss.run} of job {loss.job} was taken over after {loss.after_ms} ms"


def _nothing_is_lost_without_cause(case: Case) -> Iterator[str]:
    for row, tried in _attempts(case):
        if tried.status == "lost" and _cause(case, tried) is None:
            unrenewed_ms = tried.started_at_ms - case.plan.lease_ms
            if not _overlap(case.outages, (unrenewed_ms, tried.completed_at_ms)):
                yield f"run {row.run} of job {row.job} was taken from {tried.worker}, alive"


def _who_waited_was_told_the_truth(case: Case) -> Iterator[str]:
    for told in case.told:
        row = case.runs.get((told.job, 1))
        code = None if row is None or row.error is None else row.error.code
        if row is not None and (told.result, told.code) != (row.result, code):
            yield f"who waited for job {told.job} was told {told.result or told.code}"


def _attempts(case: Case) -> Iterator[tuple[Recorded, Tried]]:
    return ((row, tried) for row in case.history for tried in row.attempts)


def _losses(case: Case) -> Iterator[Loss]:
    for row, tried in _attempts(case):
        deed = _cause(case, tried) if tried.status == "lost" else None
        if deed is not None:
            since = max(deed.at_ns // 1_000_000, tried.started_at_ms)
            if deed.what == "rolled":  # its lease was renewed while it tried to give the run back
                since = min(since + case.plan.stopping_ms, tried.completed_at_ms)
            span = (since, tried.completed_at_ms)
            after = span[1] - span[0] - _overlap(case.outages, span)
            yield Loss(row.job, row.run, max(after, 0))


def _cause(case: Case, tried: Tried) -> Deed | None:
    """Return the last thing that was done to the worker before it lost the run.

    Who is told to stop while the store does not answer cannot give his runs back in time.
    """
    done = [
        deed
        for deed in case.deeds
        if deed.pid == tried.pid and deed.at_ns // 1_000_000 <= tried.completed_at_ms
    ]
    return done[-1] if done else None


def _overlap(spans: Sequence[Span], of: Span) -> int:
    return sum(max(min(to, of[1]) - max(start, of[0]), 0) for start, to in spans)
