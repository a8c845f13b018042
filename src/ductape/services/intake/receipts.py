"""What callers are told of jobs that the store has answered for (SPEC 1)."""

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from ductape.domain.record import JobRecord
from ductape.domain.time.zone import ZoneLookup
from ductape.domain.views import next_run_at
from ductape.domain.wire import Receipt
from ductape.errors import StoreError
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.ports.stores.intake import Added
from ductape.services.intake.building import Built

REPLACED = (
    "the recurring job under this key was given the new definition; its count and history stay"
)


class Placed(Struct, frozen=True, gc=False):
    """A stored job, for whoever waits for its result."""

    receipt: Receipt
    job_id: str
    number: int | None
    """The run to wait for; none for the one under way, or the last."""


class Receipts:
    """Writes receipts."""

    def __init__(self, store: Store, clock: Clock, zones: ZoneLookup) -> None:
        """Read from `store` how jobs are that were there before."""
        self._store = store
        self._clock = clock
        self._zones = zones

    async def of(
        self, built: Sequence[Built], answers: Sequence[Added], now_ms: int, transaction: object
    ) -> list[Placed]:
        """Write one for each job, in order; all of them are stored."""
        known = dict.fromkeys(one.job_id for one in answers if one.verdict != "added")
        records = await self._records([*known], transaction) if known else {}
        return [
            fresh(one, now_ms)
            if answer.verdict == "added"
            else self._known(one, answer, records[answer.job_id])
            for one, answer in zip(built, answers, strict=True)
        ]

    async def _records(self, jobs: Sequence[str], transaction: object) -> dict[str, JobRecord]:
        """Read jobs that were there: at once, which a store looks for together.

        A caller's transaction does one thing after the other.
        """
        get = self._store.reading.get
        if transaction is None:
            found = await asyncio.gather(*map(get, jobs))
        else:
            found = [await get(job_id, transaction=transaction) for job_id in jobs]
        records = {record.job_id: record for record in found if record is not None}
        for job_id in jobs:
            if job_id not in records:
                raise StoreError(f"job {job_id} was deleted meanwhile", job_id=job_id)
        return records

    def _known(self, one: Built, answer: Added, record: JobRecord) -> Placed:
        """Write that of a job that was there, with its present status."""
        warnings = list(one.warnings) + ([REPLACED] if answer.verdict == "replaced" else [])
        now_ms = self._clock.now_ms()
        receipt = Receipt(
            job_id=answer.job_id,
            status=record.status_at(now_ms),
            scheduled_at=_instant_of(record),
            recurring=record.schedule is not None,
            next_run_at=next_run_at(record, now_ms=now_ms, zones=self._zones),
            warnings=warnings,
        )
        return Placed(receipt, answer.job_id, None)


def fresh(one: Built, now_ms: int) -> Placed:
    """Write the receipt of a job that is new."""
    job, run = one.job, one.job.run
    due_ms = now_ms if run is None else run.due_at_ms
    receipt: Receipt = {  # called by name, its type takes twice as long
        "job_id": job.job_id,
        "status": "queued" if due_ms <= now_ms else "scheduled",
        "scheduled_at": now_ms if run is None else run.scheduled_at_ms,
        "recurring": job.schedule is not None,
        "next_run_at": due_ms,
        "warnings": list(one.warnings),
    }
    return Placed(receipt, job.job_id, 1)


def _instant_of(record: JobRecord) -> int:
    run = record.live or record.last
    return run.scheduled_at_ms if run is not None else record.spec.created_at_ms
