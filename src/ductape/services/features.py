"""`ductape.features`: signals for features that wait (SPEC 9)."""

from typing import TypedDict

from ductape.domain.job import JobSpec
from ductape.domain.jsonlimits import DEFAULT, plain_object
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.record import JobRecord
from ductape.domain.request import JobEventTypes
from ductape.errors import NotFound, ValidationError, invalid
from ductape.ports.catalog import Catalog
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.services.jobs.filtering import read_word
from ductape.services.jobs.finding import found_job
from ductape.services.sealing import Sealing

LONGEST_SIGNAL = 200

MAY_CALL = frozenset({JobEventTypes.JOB, JobEventTypes.FALLBACK, JobEventTypes.QUOTA})
"""Kinds of jobs that are no feature and may call one."""


class SignalReceipt(TypedDict):
    """What `signal` answers."""

    job_id: str
    name: str
    changed: bool
    """False where the job was over already."""


class Features:
    """The features of one store."""

    def __init__(self, store: Store, catalog: Catalog, clock: Clock, sealing: Sealing) -> None:
        """Signal features, as `catalog` knows them; `sealing` seals what they are told."""
        self._store = store
        self._catalog = catalog
        self._clock = clock
        self._sealing = sealing

    async def signal(self, job_id: str, name: str, data: JsonValue = None) -> SignalReceipt:
        """Send a named signal, kept until a step waits for that name; each is received once.

        Raises `NotFound`, and `ValidationError` for data that is no JSON or a job in which nothing
        can wait: neither a feature nor one that points at it or has it among its options.
        """
        record = await self._record(job_id)
        spec = record.spec if record.live is None else record.live.spec
        if not await self._may_wait(spec):
            found = f"one of kind {spec.kind}" + (
                " that calls none" if spec.kind in MAY_CALL else ""
            )
            raise invalid("job_id", "a job that runs a feature", found)
        if not 0 < len(read_word(name, "name")) <= LONGEST_SIGNAL:
            raise invalid("name", f"1 to {LONGEST_SIGNAL} characters", f"{len(name)}")
        # Who sends it cannot know which step will take it: that of a sensitive child, perhaps.
        kept = self._sealing.sealed(_json(data), f"{job_id}/signal/{name}")
        now_ms = self._clock.now_ms()
        heard = await self._store.steps.signal(job_id, name, kept, now_ms=now_ms)
        if heard:
            self._store.wake.tell("work")
        return SignalReceipt(job_id=job_id, name=name, changed=heard)

    async def _may_wait(self, spec: JobSpec) -> bool:
        """Tell whether a job runs a feature, perhaps only by the present version of its product."""
        if spec.stepwise or spec.kind not in MAY_CALL:
            return spec.stepwise
        try:
            found = await self._catalog.resolve(spec.product, spec.env, spec.event, spec.app, {})
        except (NotFound, ValidationError):
            return False
        return found.stepwise

    async def _record(self, job_id: str) -> JobRecord:
        return await found_job(self._store, job_id, "job_id")


def _json(data: object) -> JsonValue:
    plain = plain_object({"data": data}, "", max_bytes=DEFAULT.input_bytes, nesting=DEFAULT.nesting)
    if isinstance(plain, list):
        raise ValidationError(plain)
    return plain["data"]
