"""Recurrences on their way into the store on PostgreSQL: many together, by a few statements.

Their twins are stored in one order by everybody, and before any recurrence is held.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from ductape.domain.job import Finished, Run, Schedule, under_way
from ductape.domain.recurring import replaced
from ductape.domain.settlement import dropped
from ductape.ports.stores.intake import Added, NewJob
from ductape.stores.postgres.intake.inserting import send_runs, store_runs
from ductape.stores.postgres.rows.values import (
    by_column,
    finished_row,
    run_of,
    schedule_of,
    schedule_row,
)
from ductape.stores.postgres.server.transaction import Transaction


async def add_recurrences(
    transaction: Transaction, jobs: Sequence[NewJob], now_ms: int
) -> Mapping[str, Added]:
    """Store recurrences that have no live twin, and what tells of them; answers by new id."""
    answers: dict[str, Added] = {}
    left = jobs
    while left:  # once more where a twin has ended between the two
        stored = await _insert(transaction, left, now_ms)
        answers.update((job_id, Added("added", job_id)) for job_id in stored)
        others = [job for job in left if job.job_id not in stored]
        twins = await _twins(transaction, others)
        answers.update(
            (job.job_id, Added("existing", twins[job.twin])) for job in others if job.twin in twins
        )
        left = [job for job in others if job.twin not in twins]
    return answers


async def replace_recurrences(
    transaction: Transaction, jobs: Sequence[NewJob], now_ms: int
) -> None:
    """Give recurrences their new definitions: a waiting run goes, a running one stays."""
    asked = {"jobs": sorted(job.job_id for job in jobs)}
    await transaction.rows("schedules", "lock", asked)
    rows = await transaction.rows("schedules", "get", asked)
    stored = {row[0]: schedule_of(row) for row in rows}
    runs: defaultdict[str, list[Run]] = defaultdict(list)
    for row in await transaction.rows("runs", "hold_jobs", asked):
        runs[row[0]].append(run_of(row))
    changes = [
        _change(job, stored[job.job_id], runs[job.job_id], now_ms)
        for job in jobs
        if job.job_id in stored
    ]
    await _apply(transaction, changes, now_ms)
    await add_recurrences(transaction, [job for job in jobs if job.job_id not in stored], now_ms)


class _Change(Struct, frozen=True):
    """What a new definition makes of a recurrence."""

    job: NewJob
    schedule: Schedule
    first: Run | None
    drops: bool
    """Whether the waiting run gives way."""
    tried: Finished | None
    """What history keeps of it."""


def _change(job: NewJob, stored: Schedule, runs: Sequence[Run], now_ms: int) -> _Change:
    running = any(run.state == "running" or under_way(run) for run in runs)
    tried = dropped(runs[0], now_ms=now_ms) if runs and not running else None
    new = job.schedule or stored
    schedule, first = replaced(stored, new, job.run, running=running, tried=tried)
    return _Change(job, schedule, first, drops=not running, tried=tried)


async def _apply(transaction: Transaction, changes: Sequence[_Change], now_ms: int) -> None:
    if not changes:
        return
    drops = [change.job.job_id for change in changes if change.drops]
    await transaction.change("runs", "drop_waiting", {"jobs": drops})
    for change in changes:
        if change.tried is not None:
            await transaction.change("history", "insert", finished_row(change.tried))
    columns = by_column([schedule_row(change.schedule, now_ms) for change in changes])
    await transaction.change("schedules", "update_all", columns)
    firsts = [change.first for change in changes if change.first is not None]
    await send_runs(transaction, firsts, now_ms)
    also = [run for change in changes for run in change.job.also]
    await store_runs(transaction, [(run, now_ms) for run in also])


async def _insert(transaction: Transaction, jobs: Sequence[NewJob], now_ms: int) -> set[str]:
    """Store those that have no twin, waiting for whoever is storing one; return their ids."""
    rows = [
        {**schedule_row(job.schedule, now_ms), "twin": job.twin}
        for job in jobs
        if job.schedule is not None
    ]
    stored = {row[0] for row in await transaction.rows("schedules", "insert", by_column(rows))}
    new = [job for job in jobs if job.job_id in stored]
    await store_runs(transaction, [each for job in new for each in runs_of(job, now_ms)])
    return stored


async def _twins(transaction: Transaction, jobs: Sequence[NewJob]) -> dict[bytes | None, str]:
    """Find the live twins of jobs."""
    asked = {"twins": [job.twin for job in jobs]}
    return dict(await transaction.rows("schedules", "twins", asked)) if jobs else {}


def runs_of(job: NewJob, now_ms: int) -> Iterator[tuple[Run, int]]:
    """Give a job's first run, and what tells of it."""
    if job.run is not None:
        yield job.run, now_ms
    for run in job.also:
        yield run, now_ms
