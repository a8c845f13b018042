"""`schedule` and `dispatch`: a request becomes a stored job and a receipt (SPEC 1)."""

import asyncio
from collections.abc import Mapping, Sequence

from ductape.domain.found import kind_of
from ductape.domain.identity import KeyHolder
from ductape.domain.jsonlimits import DEFAULT, Limits
from ductape.domain.parsing import parse_job_request
from ductape.domain.request import JobRequest
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import (
    DuctapeError,
    NotFound,
    SessionInvalid,
    StoreError,
    ValidationError,
    fault,
    invalid,
)
from ductape.ports.catalog import Catalog
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.ports.stores.intake import Added
from ductape.services.intake.building import Builder, Built
from ductape.services.intake.doubles import refuse_conflicts, refuse_doubles
from ductape.services.intake.looking_further import current_version
from ductape.services.intake.moulds import Moulds
from ductape.services.intake.receipts import Placed, Receipts, fresh
from ductape.services.intake.refusing import of_a_batch, what_is_wrong, whole_refusal
from ductape.services.intake.streaming import WORTHWHILE, Streaming

Key = tuple[str, str, str]
"""A product, an env, and the key that counts in them."""
MOST_TRIES = 20
MOST_REFUSED = 100
"""Of how many requests of a batch it is told what is wrong with them: no reader gains by more."""


class Scheduling:
    """Takes requests in."""

    def __init__(
        self,
        store: Store,
        builder: Builder,
        catalog: Catalog,
        clock: Clock,
        zones: ZoneLookup,
        limits: Limits = DEFAULT,
    ) -> None:
        """Store through `store` what `builder` makes."""
        self._store = store
        self._builder = builder
        self._catalog = catalog
        self._clock = clock
        self._zones = zones
        self._limits = limits
        self._receipts = Receipts(store, clock, zones)
        self._moulds = Moulds(builder, limits)
        self._streaming = Streaming(store.intake, self._moulds)
        self._versions: dict[str, int] = {}
        """The product versions seen last."""

    async def place(self, data: object, *, transaction: object = None) -> Placed:
        """Store one job durably."""
        placed = None if transaction is not None else await self._place_cast(data)
        if placed is not None:
            return placed
        return (await self.place_many([data], transaction=transaction))[0]

    async def place_many(
        self, batch: Sequence[object], *, transaction: object = None
    ) -> list[Placed]:
        """Store many jobs in one transaction, all or nothing; answers in order.

        With a caller's own `transaction` all is written in that, and durable once it commits.
        """
        if not isinstance(batch, (list, tuple)):
            raise invalid("", "a list of requests", kind_of(batch))
        if transaction is None and WORTHWHILE <= len(batch) <= self._limits.batch:
            placed = await self._stream(batch)
            if placed is not None:
                return placed
        return await self._place_all(batch, transaction)

    async def _stream(self, batch: Sequence[object]) -> list[Placed] | None:
        """Store what is made of moulds alone; none, and nothing stored, where it cannot be so."""
        now_ms = self._clock.now_ms()
        built = await self._streaming.place(batch, self._versions, now_ms)
        if built is None:
            return None
        self._store.wake.tell("work")
        return [fresh(one, now_ms) for one in built]

    async def _place_cast(self, data: object) -> Placed | None:
        """Store one job that is made of a mould; none, and nothing stored, where it cannot be."""
        now_ms = self._clock.now_ms()
        built = self._moulds.cast(data, self._versions, now_ms)
        if built is None:
            return None
        answers = await self._store.intake.add([built.job], now_ms=now_ms)
        if answers[0].verdict == "moved":
            return None
        return (await self._answered([built], answers, now_ms, None))[0]

    async def _place_all(self, batch: Sequence[object], transaction: object) -> list[Placed]:
        requests: list[JobRequest] = []
        for _ in range(MOST_TRIES):
            now_ms = self._clock.now_ms()
            built = self._cast(batch, now_ms)
            if built is None:
                requests = requests or await self._parse(batch, transaction)
                built = await self._build(requests, now_ms, transaction)
                self._keep(batch, requests, built)
                refuse_doubles(built)
            answers = await self._store.intake.add(
                [b.job for b in built], now_ms=now_ms, transaction=transaction
            )
            if any(answer.verdict == "moved" for answer in answers):
                self._versions.clear()
                continue
            return await self._answered(built, answers, now_ms, transaction)
        raise StoreError("the keys or products of these jobs change too fast")

    async def _answered(
        self, built: Sequence[Built], answers: Sequence[Added], now_ms: int, transaction: object
    ) -> list[Placed]:
        """Give the receipts of jobs that the store has answered; raises `Conflict`."""
        refuse_conflicts(built, answers)
        if transaction is None and not all(answer.begun for answer in answers):
            self._store.wake.tell("work")
        return await self._receipts.of(built, answers, now_ms, transaction)

    def _cast(self, batch: Sequence[object], now_ms: int) -> list[Built] | None:
        """Build a batch from moulds alone, if that can be."""
        built: list[Built] = []
        for data in batch if len(batch) <= self._limits.batch else ():
            one = self._moulds.cast(data, self._versions, now_ms)
            if one is None:
                return None
            built.append(one)
        return built if len(built) == len(batch) else None

    def _keep(
        self, batch: Sequence[object], requests: Sequence[JobRequest], built: Sequence[Built]
    ) -> None:
        for data, request, one in zip(batch, requests, built, strict=True):
            self._moulds.keep(data, request, one)

    async def _parse(self, batch: Sequence[object], transaction: object) -> list[JobRequest]:
        """Parse all; in a batch every path names its place."""
        if len(batch) > self._limits.batch:
            raise ValidationError(
                [fault("", f"at most {self._limits.batch} jobs in a batch", str(len(batch)))]
            )
        now_ms = self._clock.now_ms()
        requests: dict[int, JobRequest] = {}
        refusals: dict[int, ValidationError] = {}
        for at, data in enumerate(batch):
            try:
                requests[at] = self._parse_one(data, now_ms)
            except ValidationError as error:
                held = await self._too_late(data, error, transaction)
                if held is None:
                    refusals[at] = error
                else:
                    requests[at] = held
        if refusals:
            raise await self._refusal(batch, requests, refusals, now_ms, transaction)
        return [*requests.values()]

    async def _too_late(
        self, data: object, error: ValidationError, transaction: object
    ) -> JobRequest | None:
        """Return a request whose recurrence has ended, if its key may have the job it asks for."""
        if [fault["path"] for fault in error.errors] != ["repeat.endDate"]:
            return None
        try:
            request = self._parse_one(data, 0)
        except ValidationError:
            return None
        return request if await self._held([request], transaction) else None

    async def _refusal(
        self,
        batch: Sequence[object],
        requests: Mapping[int, JobRequest],
        refusals: Mapping[int, ValidationError],
        now_ms: int,
        transaction: object,
    ) -> DuctapeError:
        """Return what is wrong with a batch of which some requests have a wrong form."""

        def read(data: object) -> JobRequest:
            return self._parse_one(data, now_ms)

        async def build(request: JobRequest) -> list[Built]:
            return await self._build_all([request], now_ms, transaction)

        self._versions.clear()  # What is refused is refused by the current ones.
        found: dict[int, DuctapeError] = {}
        for at, data in enumerate(batch):
            error = refusals.get(at)
            if error is None:
                error = await what_is_wrong(build(requests[at]))
            else:
                error = await whole_refusal(error, data, read, build)
            if error is not None:
                found[at] = error
        return found[0] if len(batch) == 1 else of_a_batch(found)

    def _parse_one(self, data: object, now_ms: int) -> JobRequest:
        if isinstance(data, JobRequest):  # A declared job's: read at the document's own paths.
            return data
        return parse_job_request(data, now_ms=now_ms, zones=self._zones, limits=self._limits)

    async def _build(
        self, requests: Sequence[JobRequest], now_ms: int, transaction: object
    ) -> list[Built]:
        """Resolve against the versions known here; before a refusal, against the current ones.

        Intake checks the versions again inside its transaction, so that no job is accepted by an
        old one although none is read for each job.
        """
        known = dict(self._versions)
        try:
            return await self._build_all(requests, now_ms, transaction)
        except DuctapeError:
            self._versions.clear()
            for product in known:
                self._versions[product] = await self._catalog.version(product)
            if self._versions == known:
                raise
        return await self._build_all(requests, now_ms, transaction)

    async def _build_all(
        self, requests: Sequence[JobRequest], now_ms: int, transaction: object
    ) -> list[Built]:
        built: list[Built] = []
        refusals: dict[int, DuctapeError] = {}
        held = await self._held(requests, transaction)
        for at, request in enumerate(requests):
            try:
                built.append(await self._build_one(request, held.get(_key_of(request)), now_ms))
            except (ValidationError, NotFound, SessionInvalid) as error:
                if len(requests) == 1:
                    raise
                refusals[at] = error
                if len(refusals) == MOST_REFUSED:
                    break
        if refusals:
            raise of_a_batch(refusals)
        return built

    async def _build_one(self, request: JobRequest, held: KeyHolder | None, now_ms: int) -> Built:
        version = self._versions.get(request.product)
        if version is None:
            version = await current_version(self._catalog, request)
            self._versions[request.product] = version
        return await self._builder.build(request, held=held, now_ms=now_ms, version=version)

    async def _held(
        self, requests: Sequence[JobRequest], transaction: object
    ) -> dict[Key | None, KeyHolder]:
        """Return the recurring jobs whose definitions requests may replace, by their keys.

        They are asked for at once, which a store looks for together; a caller's transaction does
        one thing after the other.
        """
        holder = self._store.intake.holder
        named = {_key_of(request): None for request in requests if request.repeat is not None}
        keys = [key for key in named if key is not None]
        if transaction is None:
            holders = await asyncio.gather(*(holder(*key) for key in keys))
        else:
            holders = [await holder(*key, transaction=transaction) for key in keys]
        found = zip(keys, holders, strict=True)
        return {key: one for key, one in found if one is not None and one.recurring}


def _key_of(request: JobRequest) -> Key | None:
    return None if request.key is None else (request.product, request.env, request.key)
