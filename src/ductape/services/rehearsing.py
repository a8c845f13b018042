"""Judging the schedules of a document before it is stored, as requests are judged (SPEC 8).

Nothing is stored here and no session opened: what is asked is whether `schedule(data)` would take
each of them, had the document been applied.
"""

from ductape.domain.jsonlimits import Limits
from ductape.domain.product import (
    Choice,
    Declared,
    Product,
    Question,
    at_place,
    choose,
    handler_tags,
    request_of,
    resolve,
    schedule_faults,
)
from ductape.domain.product.declared import schedules_of
from ductape.domain.request import JobRequest
from ductape.domain.target import Target
from ductape.domain.zone import ZoneLookup
from ductape.errors import Fault, NotFound, ValidationError, fault
from ductape.ports.clock import Clock
from ductape.services.judging import Ask, judged, named
from ductape.services.stranding import KnownHandlers


class Rehearsing:
    """Asks of a document what would be asked of its schedules' requests."""

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

    async def faults(self, product: Product, before: Product | None) -> list[Fault]:
        """Tell which events and inputs are wrong, and which schedules would never run.

        Of what `before` has already only the event and the input are judged: it may be over.
        """
        known = [] if before is None else [_asked(one) for one in schedules_of(before)]
        found: list[Fault] = []
        for declared in schedules_of(product):
            now_ms = 0 if _asked(declared) in known else self._clock.now_ms()
            found += [one for one in await self._of(declared, product, now_ms) if one not in found]
        return found

    async def _of(self, declared: Declared, product: Product, now_ms: int) -> list[Fault]:
        try:
            request = request_of(
                declared, product.tag, 0, now_ms=now_ms, zones=self._zones, limits=self._limits
            )
        except ValidationError as error:
            return error.errors
        try:
            target, called = await named(request, self._asking(product, request))
            judged(target, called, request, None)
        except ValidationError as error:
            return at_place(declared, error.errors)
        except NotFound as error:
            place = declared.place(error.path or "event")
            return [fault(place, "one that exists", error.message)]
        return []

    def _asking(self, product: Product, request: JobRequest) -> Ask:
        async def ask(event: str, app: str | None) -> Target:
            known = await self._known_handlers(handler_tags(event))
            answer = resolve(product, Question(request.env, event, app), known)
            return choose(answer, request.input) if isinstance(answer, Choice) else answer

        return ask


def _asked(declared: Declared) -> tuple[str, str, object]:
    return declared.env, declared.key, declared.fields
