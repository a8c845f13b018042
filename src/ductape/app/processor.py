"""`ductape.processor`: the calls that the seed's users know (SPEC 1, 6, 9)."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast

from ductape.app.kinds import (
    ActionProcessor,
    BrokerProcessor,
    DatabaseProcessor,
    FallbackProcessor,
    FeatureProcessor,
    FunctionProcessor,
    JobData,
    NotificationProcessor,
    QuotaProcessor,
    StorageProcessor,
)
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.wire import Receipt
from ductape.errors import StoreError, invalid
from ductape.ports.clock import Clock
from ductape.ports.stores.fleet import Fleet
from ductape.ports.stores.reading import Reading
from ductape.services.intake.at_once import AtOnce, Hire
from ductape.services.intake.scheduling import Scheduling
from ductape.services.jobs.filtering import read_word
from ductape.services.jobs.waiting import Waiting
from ductape.services.sessions import Sessions

log = logging.getLogger("ductape")

WARN_EVERY_S = 60.0


class JobProcessor:
    """`processor.job`."""

    def __init__(
        self,
        scheduling: Scheduling,
        waiting: Waiting,
        reading: Reading,
        fleet_of: Callable[[str], Fleet],
        clock: Clock,
    ) -> None:
        """Join what stores jobs with what waits for them, and with who works for a product."""
        self._scheduling = scheduling
        self._waiting = waiting
        self._reading = reading
        self._fleet_of = fleet_of
        self._clock = clock

    async def schedule(self, data: JobData, *, timeout: float | None = None) -> JsonValue:
        """Store a job durably, then resolve with the result of its (next) run.

        `timeout` is in seconds; once the job is stored, an outage of the store is outlasted.
        Raises `ValidationError`, `NotFound` and the like (nothing is stored), `JobFailed`,
        `JobCancelled`, or `ResultTimeout` (the job lives on).
        """
        _refuse_odd(timeout)  # before anything is stored
        placed = await self._scheduling.place(data)
        return await self._result(placed.job_id, placed.number, timeout)

    async def dispatch(self, data: JobData, *, transaction: object = None) -> Receipt:
        """Store a job durably and return its receipt at once.

        With `transaction` the job is written in the caller's own open transaction, and commits or
        rolls back with it: what `ductape.transaction()` lends, or, on PostgreSQL, a psycopg
        connection or a SQLAlchemy session or connection. It is never committed or rolled back here,
        and a refusal leaves it usable. Raises `ValidationError` at `transaction` where it will not
        do, besides what `schedule` raises.
        """
        return (await self._scheduling.place(data, transaction=transaction)).receipt

    async def dispatch_many(
        self, batch: Sequence[JobData], *, transaction: object = None
    ) -> list[Receipt]:
        """Store many jobs in one transaction, all or nothing; receipts in order.

        `transaction` is as `dispatch` takes it.
        """
        placed = await self._scheduling.place_many(batch, transaction=transaction)
        return [each.receipt for each in placed]

    async def wait(self, job_id: str, *, timeout: float | None = None) -> JsonValue:
        """Resolve with the result of a stored job, as `schedule` does; `timeout` in seconds."""
        _refuse_odd(timeout)
        return await self._result(read_word(job_id, "job_id"), None, timeout)

    async def _result(self, job_id: str, number: int | None, timeout: float | None) -> JsonValue:
        watch = asyncio.create_task(self._warn_if_unserved(job_id))
        try:
            return await self._waiting.result(job_id, number=number, timeout_s=timeout)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _warn_if_unserved(self, job_id: str) -> None:
        """Say at once, and every minute, that no live worker can take the job."""
        while True:
            with suppress(StoreError):  # Of the store itself whoever waits is told already.
                cause = await self._unserved(job_id)
                if cause is not None:
                    log.warning("job %s waits: %s", job_id, cause)
            await asyncio.sleep(WARN_EVERY_S)

    async def _unserved(self, job_id: str) -> str | None:
        record = await self._reading.get(job_id)
        if record is None or record.live is None or record.live.state == "running":
            return None
        spec, needs = record.spec, record.live.needs
        fleet = self._fleet_of(spec.product)
        workers = await fleet.workers(now_ms=self._clock.now_ms())
        serving = [w for w in workers if w.concurrency and (not w.queues or spec.queue in w.queues)]
        if not serving:
            return f"no live worker serves the queue `{spec.queue}`"
        if needs is not None and not any(needs in w.handlers for w in serving):
            return f"no live worker of the queue `{spec.queue}` has the handler `{needs}`"
        return None


def _refuse_odd(timeout: object) -> None:
    if timeout is None or (type(timeout) in {int, float} and cast("float", timeout) >= 0):
        return
    raise invalid("timeout", "a number of seconds, 0 or more", repr(timeout))


class Processor:
    """`ductape.processor`."""

    def __init__(self, job: JobProcessor, sessions: Sessions, at_once: AtOnce, hire: Hire) -> None:
        """Join the parts; every kind but `job` runs at once, by the worker that `hire` gives."""
        self.job = job
        self.sessions = sessions
        self.action = ActionProcessor(at_once, hire)
        self.notification = NotificationProcessor(at_once, hire)
        self.db = DatabaseProcessor(at_once, hire)
        self.storage = StorageProcessor(at_once, hire)
        self.function = FunctionProcessor(at_once, hire)
        self.feature = FeatureProcessor(at_once, hire)
        self.broker = BrokerProcessor(at_once, hire)
        self.quota = QuotaProcessor(at_once, hire)
        self.fallback = FallbackProcessor(at_once, hire)
