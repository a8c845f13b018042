"""`ductape.caches`: what is remembered, and forgetting it (SPEC 7)."""

from collections.abc import Mapping

from ductape.domain.found import kind_of
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.wire import CacheValueView
from ductape.errors import Fault, ValidationError, fault
from ductape.ports.clock import Clock
from ductape.ports.stores import Store

KNOWN = ("product_tag", "cache_tag", "component_tag", "component_type", "expiry")


class Caches:
    """The caches of one store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Look into a store."""
        self._store = store
        self._clock = clock

    async def values(self, request: Mapping[str, object]) -> list[CacheValueView]:
        """List live entries: `{product_tag, cache_tag, component_tag, component_type, expiry}`.

        `component_tag` and `component_type` narrow it to an event and a kind; `expiry` (ms) to
        entries that live at least so much longer.
        """
        texts = _texts(request)
        now_ms = self._clock.now_ms()
        found = await self._store.memory.values(
            texts["product_tag"],
            texts["cache_tag"],
            event=texts.get("component_tag"),
            kind=texts.get("component_type"),
            now_ms=now_ms,
        )
        least = request.get("expiry")
        least_ms = least if isinstance(least, int) else 0
        return [
            CacheValueView(
                cache_tag=entry.tag,
                component_tag=entry.event,
                component_type=entry.kind,
                value=entry.result,
                created_at=entry.created_at_ms,
                expires_at=entry.expires_at_ms,
            )
            for entry in found
            if entry.expires_at_ms - now_ms >= least_ms
        ]

    async def clear(self, request: Mapping[str, object]) -> dict[str, JsonValue]:
        """Forget the entries of one cache: `{product_tag, cache_tag}`; returns `{count}`."""
        texts = _texts(request)
        return {"count": await self._store.memory.clear(texts["product_tag"], texts["cache_tag"])}


def _texts(request: Mapping[str, object]) -> dict[str, str]:
    faults: list[Fault] = [
        fault(name, f"one of {', '.join(KNOWN)}", "an unknown key")
        for name in request
        if name not in KNOWN
    ]
    texts: dict[str, str] = {}
    for name in KNOWN[:4]:
        value = request.get(name)
        if isinstance(value, str) and value:
            texts[name] = value
        elif value is not None or name in KNOWN[:2]:
            faults.append(fault(name, "a non-empty string", kind_of(value)))
    if faults:
        raise ValidationError(faults)
    return texts
