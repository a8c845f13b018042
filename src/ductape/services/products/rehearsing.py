"""Judging the jobs that a document declares before it is stored, as requests are judged (SPEC 8).

Its schedules and healthchecks: nothing is stored here and no session opened. What is asked is
whether `schedule(data)` would take each of them, had the document been applied.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from ductape.domain.jsonlimits import Limits
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product import (
    Choice,
    Declared,
    Product,
    Question,
    all_declared,
    at_place,
    choose,
    handler_tags,
    request_of,
    resolve,
    schedule_faults,
)
from ductape.domain.request import JobRequest
from ductape.domain.target import Target
from ductape.domain.time.zone import ZoneLookup
from ductape.errors import Fault, NotFound, ValidationError, invalid
from ductape.ports.clock import Clock
from ductape.services.intake.callbacks import callback_faults
from ductape.services.intake.judging import Ask, judged, named
from ductape.services.intake.session_uses import session_faults
from ductape.services.products.stranding import KnownHandlers


class Rehearsing:
    """Asks of a document what would be asked of the requests for its jobs."""

    def __init__(
        self, known_handlers: KnownHandlers, *, clock: Clock, zones: ZoneLookup, limits: Limits
    ) -> None:
        """`known_handlers` tells which events need no declaration."""
        self._known_handlers = known_handlers
        self._clock = clock
        self._zones = zones
        self._limits = limits

    def shapes(self, product: Product) -> list[Fault]:
        """Tell what is wrong with the schedules as requests, whatever the time is."""
        return [*schedule_faults(product, self._zones, self._limits)]

    async def judged(
        self, product: Product, before: Product | None
    ) -> tuple[list[Fault], list[str]]:
        """Tell which events and inputs are wrong, and which jobs would never run; warn.

        Of what `before` has already only the event and the input are judged: it may be over.
        """
        known = {} if before is None else {_of(one): one.fields for one in all_declared(before)}
        now_ms = self._clock.now_ms()
        faults: dict[str, Fault] = {}
        warnings: dict[str, None] = {}
        for declared in all_declared(product):
            stood = known.get(_of(declared)) == declared.fields
            try:
                told = await self._take(declared, product, 0 if stood else now_ms)
            except ValidationError as error:
                faults |= {one["message"]: one for one in error.errors}
            else:
                warnings |= {f"{declared.path}: {one}": None for one in told}
        return [*faults.values()], [*warnings]

    async def _take(self, declared: Declared, product: Product, now_ms: int) -> Sequence[str]:
        """Take a declared job in as a request is; returns warnings, raises `ValidationError`."""
        try:
            request = self._request(declared, product, now_ms)
        except ValidationError as error:
            further = await self._further(declared, product)
            raise ValidationError([*error.errors, *further]) from error
        return [*request.warnings, *await self._named(declared, product, request)]

    async def _further(self, declared: Declared, product: Product) -> list[Fault]:
        """Tell what is wrong with the event and the input of a job that is wrong otherwise."""
        bare = replace(declared, fields={"input": declared.fields.get("input", {})})
        try:
            await self._named(bare, product, self._request(bare, product, 0))
        except ValidationError as error:
            return error.errors
        return []

    def _request(self, declared: Declared, product: Product, now_ms: int) -> JobRequest:
        return request_of(
            declared, product.tag, 0, now_ms=now_ms, zones=self._zones, limits=self._limits
        )

    async def _named(
        self, declared: Declared, product: Product, request: JobRequest
    ) -> Sequence[str]:
        """Find what a job names and let that judge its input; raises `ValidationError`."""
        try:
            ask = self._asking(product, request)
            target, called = await named(request, ask)
            lacking = await session_faults(called, ask, None)
            mapped = await callback_faults(called, request.input, ask)
            return judged(target, called, request, None, lacking, mapped)
        except ValidationError as error:
            raise ValidationError(at_place(declared, error.errors)) from error
        except NotFound as error:
            place = declared.place(error.path or "event")
            raise invalid(place, "one that exists", error.message) from error

    def _asking(self, product: Product, request: JobRequest) -> Ask:
        async def ask(event: str, app: str | None, given: JsonObject | None = None) -> Target:
            given = request.input if given is None else given
            known = await self._known_handlers(handler_tags(event))
            answer = resolve(product, Question(request.env, event, app), known)
            return choose(answer, given) if isinstance(answer, Choice) else answer

        return ask


def _of(declared: Declared) -> tuple[str, str]:
    return declared.env, declared.key
