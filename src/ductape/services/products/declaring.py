"""What applying a product does to the recurring jobs that it declares (SPEC 8, 9).

A job stands under a key of its own, and its metadata tells by which version of the product it was
made. So whoever looks later can tell from the store alone whether it is as declared, whether it
ended by itself or by a person (then it stays ended), and whether it was taken out meanwhile.
"""

from collections.abc import Sequence
from typing import Literal, TypedDict

from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.fingerprint import request_digest
from ductape.domain.jsonlimits import Limits
from ductape.domain.operations import goes_on_at
from ductape.domain.product import (
    Declared,
    Product,
    all_declared,
    handler_tags,
    request_of,
    stored_product,
)
from ductape.domain.product.declared import START_WORD, VERSION_WORDS
from ductape.domain.record import JobRecord
from ductape.domain.request import JobRequest
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import NotFound, ValidationError
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.ports.stores.reading import Keyed
from ductape.services.products.stranding import KnownHandlers, target_now

Op = Literal["created", "changed", "ended"]

ENDED_BY_OTHERS = ("cancelled", "failed")
"""How a recurrence ended that neither its limit nor its end has ended."""

A_LOOK = 500
"""Jobs that are read at once: short enough to hold nobody up."""

Keys = frozenset[tuple[str, str]]
"""Env and key of what a version declares."""


class ScheduleChange(TypedDict):
    """What applying a document does to the job of one schedule in one env."""

    op: Op
    tag: str
    env: str
    event: str
    job_id: str | None
    """None where the job is yet to be made."""


class Step(Struct, frozen=True):
    """One job to make, to change or to end; or to be left ended, as a person has it."""

    op: Op | Literal["left"]
    declared: Declared
    record: JobRecord | None = None
    """The job as it is; none where there is none."""
    job_id: str | None = None
    goes_on_at_ms: int | None = None
    """Where a changed job goes on, so that its instants stay; none where it begins anew."""


class Declaring:
    """Compares what a product declares with the jobs that there are."""

    def __init__(
        self,
        store: Store,
        known_handlers: KnownHandlers,
        *,
        clock: Clock,
        zones: ZoneLookup,
        limits: Limits,
    ) -> None:
        """Read a store."""
        self._store = store
        self._known_handlers = known_handlers
        self._clock = clock
        self._zones = zones
        self._limits = limits

    async def steps(self, product: Product, version: int, *, since: int) -> list[Step]:
        """Return what there is to do where this version is the current one, or is to be.

        `since` is the version by which the jobs were kept last.
        """
        wanted = all_declared(product)
        held = await self._held(product.tag, wanted)
        unchanged = await self._resolved(product, [one.record for one in held.values()])
        found: list[Step] = []
        for declared in wanted:
            job = held.get((declared.env, declared.key))
            if job is None:
                found.append(Step("created", declared))
            else:
                step = await self._step(declared, job, product.tag, version, unchanged)
                found += [] if step is None else [step]
        return [*found, *await self.endings(product, since=since)]

    async def endings(self, product: Product, *, since: int) -> list[Step]:
        """Return which jobs that an earlier version declared are declared no more, and live."""
        wanted = _keys(product)
        before = await self._declared_at(product.tag, since)
        gone = [one for one in before if (one.env, one.key) not in wanted]
        held = await self._held(product.tag, gone)
        return [
            Step("ended", one, held[one.env, one.key].record)
            for one in gone
            if (one.env, one.key) in held and not _ended(held[one.env, one.key].record)
        ]

    def request(self, step: Step, product: str, version: int) -> JobRequest | None:
        """Make the request for a step's job; none where by now it has no instant left."""
        try:
            request = self._request(step.declared, product, version, self._clock.now_ms())
        except ValidationError:
            return None  # It was right when the document was applied: time alone has done this.
        return replace(request, goes_on_at_ms=step.goes_on_at_ms)

    async def _held(
        self, product: str, declared: Sequence[Declared]
    ) -> dict[tuple[str, str], Keyed]:
        """Read the jobs that there are, some hundred in a look, by env and key."""
        keys = [(one.env, one.key) for one in declared]
        found: dict[tuple[str, str], Keyed] = {}
        for first in range(0, len(keys), A_LOOK):
            jobs = await self._store.reading.keyed(product, keys[first : first + A_LOOK])
            found |= {(one.env, one.key): one for one in jobs}
        return found

    async def _step(
        self, declared: Declared, job: Keyed, product: str, version: int, unchanged: frozenset[str]
    ) -> Step | None:
        record = job.record
        made_by = _made_by(declared, record)
        request = self._request(declared, product, made_by, 0)
        same = request_digest(request) == job.holder.digest
        if _ended(record):
            again = not same or await self._was_out(declared, product, made_by, version)
            return Step("created" if again else "left", declared, record)
        if same and record.job_id in unchanged:
            return None
        goes_on = self._goes_on(record, request)
        return Step("changed", declared, record, goes_on_at_ms=goes_on)

    async def _was_out(self, declared: Declared, product: str, made_by: int, version: int) -> bool:
        """Tell whether some version since the one that made a job did not declare it."""
        for between in range(made_by + 1, version):
            there = {(one.env, one.key) for one in await self._declared_at(product, between)}
            if (declared.env, declared.key) not in there:
                return True
        return False

    async def _resolved(self, product: Product, records: Sequence[JobRecord]) -> frozenset[str]:
        """Return the jobs whose event still names what they were made for."""
        tags = frozenset[str]().union(*(handler_tags(one.spec.event) for one in records))
        known = await self._known_handlers(tags)
        return frozenset(one.job_id for one in records if _names_the_same(product, one, known))

    def _goes_on(self, record: JobRecord, request: JobRequest) -> int | None:
        """Return where a job goes on whose instants are not what has changed."""
        schedule, repeat = record.schedule, request.repeat
        if schedule is None or schedule.spec.repeat is None or repeat is None:
            return None
        old = schedule.spec.repeat
        starts = [one.get(START_WORD) for one in (schedule.spec.metadata, request.metadata)]
        before = (old.cron, old.every_ms, old.tz, old.immediately, starts[0])
        after = (repeat.cron, repeat.every_ms, repeat.tz, repeat.immediately, starts[1])
        if before != after:
            return None
        return goes_on_at(record, now_ms=self._clock.now_ms(), zones=self._zones)

    def _request(self, declared: Declared, product: str, version: int, now_ms: int) -> JobRequest:
        return request_of(
            declared, product, version, now_ms=now_ms, zones=self._zones, limits=self._limits
        )

    async def _declared_at(self, product: str, version: int) -> tuple[Declared, ...]:
        row = await self._store.products.at(product, version)
        return () if row is None else all_declared(stored_product(row.document))


def changes_of(steps: Sequence[Step]) -> list[ScheduleChange]:
    """Tell of the steps that do something to schedules."""
    return [
        ScheduleChange(
            op=step.op,
            tag=step.declared.tag,
            env=step.declared.env,
            event=step.declared.event,
            job_id=step.job_id or (step.record and step.record.job_id),
        )
        for step in steps
        if step.op != "left" and step.declared.owner == "schedule"
    ]


def left_of(steps: Sequence[Step]) -> list[str]:
    """Warn of jobs that were declared all along, and ended by a person or by a failure."""
    return [
        f"the {step.declared.owner} `{step.declared.tag}` in `{step.declared.env}` is"
        f" {step.record.status}, and stays so until it is declared otherwise"
        for step in steps
        if step.op == "left" and step.record and step.record.status in ENDED_BY_OTHERS
    ]


def _ended(record: JobRecord) -> bool:
    return record.schedule is None or record.schedule.state not in ("active", "paused")


def _names_the_same(product: Product, record: JobRecord, known: frozenset[str]) -> bool:
    spec = record.spec
    try:
        target = target_now(product, spec, known)
    except (NotFound, ValidationError):
        return True  # Its handler is announced no more: nothing better to be had.
    found = (target.kind, target.needs, target.sensitive, target.calls_features)
    return found == (spec.kind, spec.needs, spec.sensitive, spec.calls_features)


def _made_by(declared: Declared, record: JobRecord) -> int:
    """Return the version of the product that gave a job its definition."""
    text = record.spec.metadata.get(VERSION_WORDS[declared.owner], "")
    return int(text) if text.isdecimal() else 0


def _keys(product: Product) -> Keys:
    return frozenset((one.env, one.key) for one in all_declared(product))
