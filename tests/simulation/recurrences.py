"""What must hold of every recurrence: each instant once, on its grid, never two at a time."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec

from tests.simulation.record import Record


def judge_recurrences(record: Record) -> Iterator[str]:
    """Yield every broken promise, as a sentence."""
    yield from _occurrences(record)
    yield from _recurrences_end_rightly(record)
    yield from _executions_do_not_overlap(record)


def _occurrences(record: Record) -> Iterator[str]:
    instants: dict[str, list[int]] = defaultdict(list)
    numbers: dict[str, list[int]] = defaultdict(list)
    for entry in record.of("made"):
        numbers[entry.job].append(entry.number)
    for entry in record.of("finished"):
        if not entry.extra and entry.state != "cancelled":
            instants[entry.job].append(entry.scheduled_at or 0)
    for job, made in numbers.items():
        if made != sorted(set(made)):
            yield f"job {job} numbered its runs {made}"
    for job, times in instants.items():
        if not record.asked[job] or not record.asked[job][0].receipt["recurring"]:
            continue
        if any(later <= earlier for earlier, later in pairwise(times)) and not record.replaced(job):
            yield f"job {job} ran its instants out of order: {times}"
        yield from _on_the_grid(record, job, times)


def _on_the_grid(record: Record, job: str, times: list[int]) -> Iterator[str]:
    repeat = record.request(job)["repeat"]
    first = next(entry.scheduled_at for entry in record.runs[job, 1] if entry.what == "made")
    if record.replaced(job) or first is None:
        return
    cron = str(repeat.get("cron", ""))
    step = int(cron[2]) * 1000 if cron else int(repeat["every"])
    phase = 0 if cron else first
    for at in times:
        if (at - phase) % step and not (repeat.get("immediately") and at == first):
            yield f"job {job} ran at {at}, which is off its grid"


def _recurrences_end_rightly(record: Record) -> Iterator[str]:
    for job, state, occurrences, _, spec in record.witness.schedules():
        repeat = msgspec.json.decode(spec)["repeat"]
        limit, end = repeat.get("limit"), repeat.get("end_at_ms")
        done = [e for e in record.of("finished") if e.job == job and not e.extra]
        counted = [e for e in done if e.state != "cancelled"]
        if limit is not None and occurrences > max(limit, len(done)):
            yield f"job {job} counts {occurrences} occurrences, its limit is {limit}"
        if limit is not None and len(counted) > limit and not record.replaced(job):
            yield f"job {job} ran {len(counted)} times, its limit is {limit}"
        expired = any(b"EXPIRED" in (e.error or b"") for e in done)
        if state == "completed" and end is None and not expired and occurrences < (limit or 0):
            yield f"job {job} ended after {occurrences} of {limit} occurrences"
        if end is not None and not record.replaced(job):
            late = [e.scheduled_at for e in counted if (e.scheduled_at or 0) > end]
            if late:
                yield f"job {job} ran at {late}, after its end {end}"


def _executions_do_not_overlap(record: Record) -> Iterator[str]:
    excused = {"lost", "failed", "cancelled", "interrupted"}
    by_job: dict[str, list[Any]] = defaultdict(list)
    for played in record.world.stage.journal:
        by_job[played.job].append(played)
    for job, plays in by_job.items():
        for one, other in ((a, b) for a in plays for b in plays if a.run < b.run):
            if one.ended_s is None or one.ended_s <= other.began_s:
                continue
            ended = record.finished((job, one.run))
            attempts = record.attempts(ended) if ended else []
            status = attempts[one.attempt - 1]["status"] if len(attempts) >= one.attempt else "lost"
            if status not in excused:
                yield f"runs {one.run} and {other.run} of job {job} overlapped"
