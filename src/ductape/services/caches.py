"""`ductape.caches`: what is remembered, and forgetting it (SPEC 7)."""

from collections.abc import Mapping

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.parsing.reading import Reader, Shape, open_form
from ductape.domain.parsing.scalars import SPAN_MAX_MS, choice, integer, name
from ductape.domain.request import JobEventTypes
from ductape.domain.wire import CacheValueView
from ductape.errors import Fault, ValidationError
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.ports.stores.memory import CacheValue, Selection
from ductape.services.sealing import Sealing

_SHAPE = Shape(frozenset({"product_tag", "cache_tag", "component_tag", "component_type", "expiry"}))
_KIND: Reader[str] = choice(tuple(kind.value for kind in JobEventTypes))
_SPAN: Reader[int] = integer(0, SPAN_MAX_MS, " of milliseconds")


class Caches:
    """The caches of one store."""

    def __init__(self, store: Store, clock: Clock, sealing: Sealing) -> None:
        """Look into a store; `sealing` opens what is sensitive."""
        self._store = store
        self._clock = clock
        self._sealing = sealing

    async def values(self, request: Mapping[str, object]) -> list[CacheValueView]:
        """List live entries: `{product_tag, cache_tag, component_tag, component_type, expiry}`.

        `component_tag` and `component_type` narrow it to an event and a kind; `expiry` (ms) to
        entries that live at least so much longer. Raises `ValidationError`.
        """
        now_ms = self._clock.now_ms()
        found = await self._store.memory.values(_selection(request, now_ms), now_ms=now_ms)
        return [self._view(entry) for entry in found]

    async def clear(self, request: Mapping[str, object]) -> dict[str, JsonValue]:
        """Forget the entries that `values` would select; returns `{count}`, stale ones counted."""
        selection = _selection(request, self._clock.now_ms())
        return {"count": await self._store.memory.clear(selection)}

    def _view(self, entry: CacheValue) -> CacheValueView:
        return CacheValueView(
            cache_tag=entry.tag,
            component_tag=entry.event,
            component_type=entry.kind,
            value=self._sealing.told(entry.result),
            created_at=entry.created_at_ms,
            expires_at=entry.expires_at_ms,
        )


def _selection(request: Mapping[str, object], now_ms: int) -> Selection:
    faults: list[Fault] = []
    form = open_form(request, "", _SHAPE, faults)
    if form is None:
        raise ValidationError(faults)
    product, tag = form.need("product_tag", name), form.need("cache_tag", name)
    event, kind = form.take("component_tag", name, None), form.take("component_type", _KIND, None)
    expiry_ms = form.take("expiry", _SPAN, None)
    if faults:
        raise ValidationError(faults)
    return Selection(product, tag, event, kind, None if expiry_ms is None else now_ms + expiry_ms)
