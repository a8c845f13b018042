"""Running an event at once in the caller's own process, recorded as any other job (SPEC 9).

The job is stored as a run that is already in this process's hands, so that a crash in the middle
is taken over as any lost run is. Further attempts, where `retries` asks for them, may be claimed
by any worker of the queue.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from msgspec.structs import replace

from ductape.domain.job import Claim, Run
from ductape.domain.jsonlimits import DEFAULT, Limits
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.parsing import parse_job_request
from ductape.domain.request import JobEventTypes, JobRequest
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import Fault, StoreError, ValidationError, fault, invalid
from ductape.ports.catalog import Catalog
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.services.intake.building import Builder, Built
from ductape.services.intake.doubles import refuse_conflicts
from ductape.services.intake.looking_further import current_version
from ductape.services.intake.refusing import whole_refusal
from ductape.services.jobs.waiting import Waiting

LEFT_OUT = ("start_at", "repeat")
MOST_TRIES = 50


class OwnWorker(Protocol):
    """The worker of the caller's own process."""

    @property
    def id(self) -> str:
        """The name under which it holds its lease."""
        ...

    def begin(self, claim: Claim) -> object:
        """Execute a run that is already in its hands."""
        ...

    def doubt(self, run: Run) -> None:
        """Execute a run of which nobody knows whether it was stored, should it turn out to be."""
        ...


Hire = Callable[[str], Awaitable[OwnWorker]]
"""Gives the worker of this process that works for a product."""


class AtOnce:
    """Runs events in this process."""

    def __init__(
        self,
        store: Store,
        builder: Builder,
        catalog: Catalog,
        waiting: Waiting,
        clock: Clock,
        zones: ZoneLookup,
        limits: Limits = DEFAULT,
    ) -> None:
        """Store what `builder` makes, wait through `waiting`."""
        self._store = store
        self._builder = builder
        self._catalog = catalog
        self._waiting = waiting
        self._clock = clock
        self._zones = zones
        self._limits = limits

    async def run(self, data: Mapping[str, object], kind: JobEventTypes, hire: Hire) -> JsonValue:
        """Run one event of a kind, by the worker that `hire` gives, and return its result.

        Under the key of a job that is there, and asks for the same, it is that job's result. Raises
        what `schedule` raises, and `ValidationError` where the event is of another kind.
        """
        for _ in range(MOST_TRIES):
            now_ms = self._clock.now_ms()
            version, built = await self._made(data, now_ms)
            job = built.job
            if job.spec.kind is not kind or job.run is None:
                raise invalid("event", f"an event of kind {kind.value}", job.spec.kind.value)
            worker = await hire(job.spec.product)
            run = _in_hand(job.run, worker.id, now_ms)
            try:
                answers = await self._store.intake.add([replace(job, run=run)], now_ms=now_ms)
            except BaseException:
                worker.doubt(run)  # its caller goes away, or its connection broke
                raise
            refuse_conflicts([built], answers)
            (answer,) = answers
            if answer.verdict == "moved":
                continue
            if answer.verdict != "added":
                return await self._waiting.result(answer.job_id, number=None)
            if job.also:
                self._store.wake.tell("work")
            worker.begin(Claim(run, None, version))
            return await self._waiting.result(job.job_id, number=run.number)
        raise StoreError("the product of this job changes too fast")

    async def _made(self, data: Mapping[str, object], now_ms: int) -> tuple[int, Built]:
        """Return the job to store, and the product's version that it was made by."""

        def read(asked: object) -> JobRequest:
            return parse_job_request(asked, now_ms=now_ms, zones=self._zones, limits=self._limits)

        async def build(request: JobRequest) -> tuple[int, Built]:
            version = await current_version(self._catalog, request)
            built = await self._builder.build(request, held=None, now_ms=now_ms, version=version)
            return version, built

        if not isinstance(data, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] (callers')
            return await build(read(data))
        left_out = _left_out(data)
        asked = {**{key: each for key, each in data.items() if key not in LEFT_OUT}, "start_at": 0}
        try:
            request = read(asked)
        except ValidationError as error:
            refusal = ValidationError([*left_out, *error.errors])
            raise await whole_refusal(refusal, asked, read, build) from error
        if left_out:
            raise await whole_refusal(ValidationError(left_out), asked, read, build)
        return await build(request)


def _in_hand(run: Run, worker: str, now_ms: int) -> Run:
    return replace(
        run,
        state="running",
        fence=1,
        worker=worker,
        started_at_ms=now_ms,
        first_started_at_ms=now_ms,
    )


def _left_out(data: Mapping[str, object]) -> list[Fault]:
    return [
        fault(name, "nothing: the event runs at once", "a value", hint="use job.dispatch instead")
        for name in LEFT_OUT
        if data.get(name) not in (None, {})
    ]
