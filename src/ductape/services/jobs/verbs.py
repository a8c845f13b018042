"""`ductape.jobs`: looking at jobs and changing them (SPEC 10).

The first commit wins: a verb that comes too late returns the job with `changed: false`.
"""

import builtins
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from typing import cast

from ductape.domain.change import Settlement
from ductape.domain.job import under_way
from ductape.domain.lifecycle import JobStatus
from ductape.domain.operations import cancel, extra_run, pause, resume, retry
from ductape.domain.parsing.scalars import SPAN_MAX_MS
from ductape.domain.record import JobRecord
from ductape.domain.time.zone import ZoneLookup
from ductape.domain.types import IJobRepeatOptions
from ductape.domain.views import history_view, job_view
from ductape.domain.wire import BulkCount, HistoryView, JobPage, JobVerb, JobView, StepView
from ductape.errors import NotFound, ValidationError, fault, invalid
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.ports.stores.reading import JobFilter
from ductape.services.after_change import answering
from ductape.services.jobs.bulk import Bulk
from ductape.services.jobs.extras import Extras
from ductape.services.jobs.filtering import (
    read_count,
    read_cursor,
    read_filter,
    read_reason,
    read_word,
)
from ductape.services.jobs.finding import found_job
from ductape.services.jobs.outlasting import Outlasting
from ductape.services.jobs.step_views import step_views
from ductape.services.jobs.stopping import Stopping
from ductape.services.jobs.watching import Watching
from ductape.services.previewing import next_instants
from ductape.services.sealing import Sealing
from ductape.services.settling import MOST_TRIES, Plan, Settler

LONGEST_PAGE = 1_000
DEFAULT_PAGE = 50
LONGEST_HISTORY = 10_000

Instant = int | float | str | datetime
"""A Unix timestamp, ISO 8601 text, or Python's own with a zone."""


class Jobs:
    """The jobs of one store."""

    def __init__(
        self,
        store: Store,
        settler: Settler,
        clock: Clock,
        zones: ZoneLookup,
        sealing: Sealing,
        extras: Extras,
        outlasting: Outlasting,
    ) -> None:
        """Look at and change jobs; `sealing` opens what is sensitive, `extras` tells `wait`."""
        self._extras = extras
        self._outlasting = outlasting
        self._store = store
        self._settler = settler
        self._clock = clock
        self._zones = zones
        self._sealing = sealing
        self._bulk = Bulk(store, settler, clock, zones)
        self._stopping = Stopping(store, clock)

    async def get(
        self,
        id: str | None = None,  # noqa: A002 (SPEC 10 names it so)
        *,
        key: str | None = None,
        product: str | None = None,
        env: str | None = None,
    ) -> JobView:
        """Return one job, by its id or by its key, product and env; raises `NotFound`."""
        if id is not None:
            if key is not None:
                raise ValidationError([fault(at, "`id` or `key`", "both") for at in ("id", "key")])
            return self._view(await self._record(id))
        if key is None or product is None or env is None:
            raise invalid("id", "an id, or `key`, `product` and `env`", "neither")
        read_word(product, "product")
        read_word(env, "env")
        holder = await self._store.intake.holder(product, env, read_word(key, "key"))
        if holder is None:
            raise NotFound(f"no job has the key `{key}` in {product}/{env}", path="key")
        return self._view(await self._record(holder.job_id))

    async def list(  # noqa: PLR0913 (SPEC 10 lists the filters)
        self,
        *,
        status: JobStatus | None = None,
        kind: str | None = None,
        product: str | None = None,
        env: str | None = None,
        event: str | None = None,
        recurring: bool | None = None,
        queue: str | None = None,
        session_tag: str | None = None,
        session_user: str | None = None,
        metadata: Mapping[str, str] | None = None,
        q: str | None = None,
        from_: Instant | None = None,
        to: Instant | None = None,
        limit: int = DEFAULT_PAGE,
        cursor: str | None = None,
    ) -> JobPage:
        """Return a page of jobs, newest first: a list with a `next_cursor`, or none at the end.

        `from_`, `to`: when it was made, as `start_at` is written. `cursor`: a page's `next_cursor`.
        """
        given = {
            "status": status,
            "kind": kind,
            "product": product,
            "env": env,
            "event": event,
            "recurring": recurring,
            "queue": queue,
            "session_tag": session_tag,
            "session_user": session_user,
            "metadata": metadata,
            "q": q,
            "from_": from_,
            "to": to,
        }
        where = read_filter(given, path="", now_ms=self._clock.now_ms())
        return await self._page(where, limit, read_cursor(cursor))

    async def history(self, id: str, *, limit: int = 100) -> HistoryView:  # noqa: A002 (SPEC 10)
        """Return a job's finished runs, newest first, with totals; raises `NotFound`."""
        read_count(limit, "limit", most=LONGEST_HISTORY)
        record = await self._record(id)
        runs = await self._store.reading.history(id, limit=limit)
        cancelled = await self._store.reading.cancelled(id)
        shown = [self._sealing.shown_run(run) for run in runs]
        return history_view(record, shown, cancelled=cancelled)

    async def steps(self, id: str, *, run: int | None = None) -> builtins.list[StepView]:  # noqa: A002 (SPEC 10)
        """Return the steps of a feature's run, the latest unless told; raises `NotFound`."""
        return await step_views(self._store.steps, self._sealing, await self._record(id), run)

    def watch(self, id: str) -> AsyncGenerator[JobView]:  # noqa: A002 (SPEC 10 names it so)
        """Yield the job now and after each change, until it is over; raises `NotFound`."""
        return Watching(self._store, self._view, self._outlasting).changes(id)

    async def cancel(
        self,
        id: str,  # noqa: A002 (SPEC 10 names it so)
        reason: str | None = None,
        *,
        run_only: bool = False,
    ) -> JobVerb:
        """End a job: what waits at once, what runs within a second.

        A feature that has begun first undoes what it has done, by its `rollback`.

        On a recurring job this ends the recurrence, with `run_only` only the run.
        """
        read_reason(reason)

        def plan(record: JobRecord, now_ms: int) -> Settlement | None:
            return cancel(record, reason, run_only=run_only, now_ms=now_ms, zones=self._zones)

        changed = False
        for _ in range(MOST_TRIES):
            changed = await self._settler.carry_out(read_word(id, "id"), plan) or changed
            live = (record := await self._record(id, changed=changed)).live
            if live is not None and under_way(live):
                changed = await self._stopping.unwinds(live, reason) or changed
                break
            if live is None or live.state != "running":
                return self._answer(record, changed=changed)
            if await self._stopping.stops(live, reason):
                changed = True
                break
            if await self._stopping.is_asked(live):
                break
            # It was parked or sent back in between, and waits now.
        return await self._verb(id, changed=changed)

    async def pause(self, id: str) -> JobVerb:  # noqa: A002 (SPEC 10 names it so)
        """Halt a recurring job; a running run is let end."""

        def plan(record: JobRecord, now_ms: int) -> Settlement | None:
            return pause(_recurring(record), now_ms=now_ms, zones=self._zones)

        return await self._carried_out(id, plan)

    async def resume(self, id: str) -> JobVerb:  # noqa: A002 (SPEC 10 names it so)
        """Let a paused recurring job go on with its next instant."""

        def plan(record: JobRecord, now_ms: int) -> Settlement | None:
            return resume(_recurring(record), now_ms=now_ms, zones=self._zones)

        return await self._carried_out(id, plan)

    async def retry(self, id: str, *, delay: int = 0) -> JobVerb:  # noqa: A002 (SPEC 10)
        """Open a new run of a failed or cancelled job, `delay` milliseconds from now.

        Of a recurring job an occurrence is added, at once: a `delay` is refused there.
        """
        if type(delay) is not int or not 0 <= delay <= SPAN_MAX_MS:
            raise invalid(
                "delay", f"an integer of milliseconds from 0 to {SPAN_MAX_MS}", repr(delay)
            )

        def plan(record: JobRecord, now_ms: int) -> Settlement | None:
            return retry(record, delay_ms=delay, now_ms=now_ms, zones=self._zones)

        return await self._carried_out(id, self._extras.noting(id, plan))

    async def run_now(self, id: str) -> JobVerb:  # noqa: A002 (SPEC 10 names it so)
        """Add an occurrence of a recurring job now; it moves no instant and counts no limit."""

        def plan(record: JobRecord, now_ms: int) -> Settlement | None:
            return extra_run(_recurring(record), now_ms=now_ms, zones=self._zones)

        return await self._carried_out(id, self._extras.noting(id, plan))

    async def cancel_many(
        self,
        filter: Mapping[str, object],  # noqa: A002 (SPEC 10 names it so)
        reason: str | None = None,
    ) -> BulkCount:
        """Cancel every job that fits, in the names of `list`; returns `{count}`."""
        read_reason(reason)

        async def verb(job_id: str) -> JobVerb:
            return await self.cancel(job_id, reason)

        return await self._bulk.cancel(filter, reason, verb)

    async def pause_many(self, filter: Mapping[str, object]) -> BulkCount:  # noqa: A002 (SPEC 10)
        """Pause every recurring job that fits; returns `{count}`."""
        return await self._bulk.pause(filter, self.pause)

    async def resume_many(self, filter: Mapping[str, object]) -> BulkCount:  # noqa: A002 (SPEC 10)
        """Resume every paused recurring job that fits; returns `{count}`."""
        return await self._bulk.resume(filter, self.resume)

    async def retry_many(self, filter: Mapping[str, object]) -> BulkCount:  # noqa: A002 (SPEC 10)
        """Open a new run of every failed or cancelled job that fits; returns `{count}`."""
        return await self._bulk.retry(filter, self.retry)

    async def preview(
        self,
        repeat: IJobRepeatOptions | Mapping[str, object],
        n: int = 10,
        *,
        after: datetime | None = None,
    ) -> "builtins.list[datetime]":
        """Return the next `n` instants after `after` (now, if none), as aware UTC datetimes.

        Raises `ValidationError` with the path of what is wrong.
        """
        since = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC) if after is None else after
        return next_instants(repeat, after=since, n=n, zones=self._zones)

    async def _page(self, where: JobFilter, limit: int, cursor: str | None) -> JobPage:
        read_count(limit, "limit", most=LONGEST_PAGE)
        records = await self._store.reading.many(where, limit=limit + 1, before=cursor)
        page = records[:limit]
        return JobPage(
            [self._view(record) for record in page],
            next_cursor=page[-1].job_id if len(records) > limit else None,
        )

    async def _carried_out(self, job_id: str, plan: Plan) -> JobVerb:
        named = read_word(job_id, "id")
        return await self._verb(named, changed=await self._settler.carry_out(named, plan))

    async def _verb(self, job_id: str, *, changed: bool) -> JobVerb:
        return self._answer(await self._record(job_id, changed=changed), changed=changed)

    def _answer(self, record: JobRecord, *, changed: bool) -> JobVerb:
        return cast("JobVerb", {**self._view(record), "changed": changed})

    async def _record(self, job_id: str, *, changed: bool = False) -> JobRecord:
        with answering(f"job {job_id}", changed=changed, job_id=job_id):
            return await found_job(self._store, job_id)

    def _view(self, record: JobRecord) -> JobView:
        shown = self._sealing.shown(record)
        return job_view(shown, now_ms=self._clock.now_ms(), zones=self._zones)


def _recurring(record: JobRecord) -> JobRecord:
    if record.schedule is None:
        raise invalid("id", "a recurring job", "a one-off job", hint="cancel or retry it instead")
    return record
