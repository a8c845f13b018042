"""Waiting for a run's result: register first, then read, then listen, so that no end is missed.

A result comes back, a failure is raised (SPEC 1). An outage of the store is outlasted.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial

from ductape.domain.job import Finished
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.record import JobRecord
from ductape.domain.views import attempt_views, error_view
from ductape.errors import JobCancelled, JobFailed, ResultTimeout
from ductape.ports.stores import Store
from ductape.ports.wake import Hint
from ductape.services.jobs.extras import Extras
from ductape.services.jobs.finding import found_job
from ductape.services.jobs.outlasting import Outlasting
from ductape.services.sealing import Sealing

LEAST_LOOK_S = 1.0
"""What the first look at a job has, however short the wait: one of no time asks how it stands."""


class Waiting:
    """Waits for results of one store."""

    def __init__(
        self, store: Store, sealing: Sealing, extras: Extras, outlasting: Outlasting
    ) -> None:
        """Listen on the store's hints; `sealing` opens what is sensitive."""
        self._store = store
        self._outlasting = outlasting
        self._extras = extras
        self._sealing = sealing
        self._hinted: dict[str, list[asyncio.Event]] = {}
        """Who waits for which job: one listener serves all, so that a hint costs by its jobs."""
        self._leave: Callable[[], None] = _nothing

    async def result(
        self, job_id: str, *, number: int | None = None, timeout_s: float | None = None
    ) -> JsonValue:
        """Return the result of a run: the given one, else the one under way, else the last.

        An extra occurrence that this program asked for is the one that is meant next.

        Raises `JobFailed`, `JobCancelled`, `ResultTimeout` (the job lives on) or `NotFound`.
        """
        number = number or self._extras.take(job_id)
        try:
            async with _patience(timeout_s) as looked:
                return self._result_of(await self._end(job_id, number, looked))
        except TimeoutError:
            raise ResultTimeout(
                f"no result of job {job_id} within {timeout_s:g} s; the job lives on",
                job_id=job_id,
            ) from None

    async def _end(self, job_id: str, number: int | None, looked: Callable[[], None]) -> Finished:
        async with self._hints(job_id) as hinted:
            awaited = number
            while True:
                hinted.clear()
                record = await self._outlasting.answer(
                    lambda: found_job(self._store, job_id, "job_id")
                )
                awaited = awaited or _number_to_await(record)
                ended = await self._outlasting.answer(partial(self._look, record, awaited))
                if ended is not None:
                    return ended
                looked()
                await hinted.wait()

    async def _look(self, record: JobRecord, number: int) -> Finished | None:
        """Return the awaited run's end; a run that gave way is answered by the next that ended."""
        last = record.last
        if last is None or last.number < number:
            return None if record.live is not None else _over_without_run(record)
        for earlier in range(number, last.number):
            run = await self._store.reading.run(record.job_id, earlier)
            if isinstance(run, Finished):
                return run
        return last

    def _result_of(self, run: Finished) -> JsonValue:
        match run.outcome:
            case "completed":
                return self._sealing.answer(run)
            case "cancelled":
                reason = run.error.message if run.error is not None else "cancelled"
                raise JobCancelled(f"job {run.job_id} was cancelled: {reason}", job_id=run.job_id)
            case "failed":
                raise failure_of(run)

    @asynccontextmanager
    async def _hints(self, job_id: str) -> AsyncGenerator[asyncio.Event]:
        hinted = asyncio.Event()
        if not self._hinted:
            self._leave = self._store.wake.listen(self._on_hint)
        self._hinted.setdefault(job_id, []).append(hinted)
        try:
            yield hinted
        finally:
            self._hinted[job_id].remove(hinted)
            if not self._hinted[job_id]:
                del self._hinted[job_id]
            if not self._hinted:
                self._leave()

    def _on_hint(self, hint: Hint, jobs: Collection[str]) -> None:
        if hint == "settled":
            for job_id in jobs or self._hinted:
                for hinted in self._hinted.get(job_id, ()):
                    hinted.set()


@asynccontextmanager
async def _patience(timeout_s: float | None) -> AsyncGenerator[Callable[[], None]]:
    """Bound a wait, but for its first look; what is given is called once that is over."""
    if timeout_s is None:
        yield _nothing
        return
    deadline = asyncio.get_running_loop().time() + timeout_s
    async with asyncio.timeout(max(timeout_s, LEAST_LOOK_S)) as bound:
        yield lambda: bound.reschedule(deadline)


def _nothing() -> None:
    return


def _number_to_await(record: JobRecord) -> int:
    schedule = record.schedule
    if record.live is not None:
        return record.live.number
    if schedule is not None and schedule.state in ("active", "paused"):
        return schedule.next_number
    return record.last.number if record.last is not None else 1


def _over_without_run(record: JobRecord) -> Finished | None:
    """Tell a run that was dropped with its recurrence from one that is still to come."""
    schedule = record.schedule
    if schedule is not None and schedule.state in ("cancelled", "failed", "completed"):
        said = f"ended ({schedule.state}) before this run began"
        if schedule.reason is not None and schedule.state == "cancelled":
            said = f"was cancelled: {schedule.reason}"
        raise JobCancelled(f"job {record.job_id} {said}", job_id=record.job_id)
    return None


def failure_of(run: Finished) -> JobFailed:
    """Make the error of a run that failed for good."""
    error = error_view(run.error)
    said = f"{run.error.code}: {run.error.message}" if run.error is not None else "failed"
    return JobFailed(
        f"job {run.job_id} failed after {len(run.attempts)} attempt(s): {said}",
        error=dict(error or {}),
        attempts=[dict(attempt) for attempt in attempt_views(run)],
        job_id=run.job_id,
    )
