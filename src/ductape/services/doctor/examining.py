"""Asking an open store for the facts, and having them judged. Changes nothing."""

from typing import Final

from ductape.domain.product.format.document import Retention
from ductape.domain.product.retention import kept_in
from ductape.ports.clock import Clock
from ductape.ports.stores import Store
from ductape.services.doctor import engines, whole, work
from ductape.services.doctor.findings import Finding
from ductape.services.doctor.whole import ClockFacts

MOST_LOST: Final = 100
"""How many lost runs are looked at."""


class Examination:
    """One look at an open store."""

    def __init__(self, store: Store, *, clock: Clock, machine: Clock) -> None:
        """Take the clock that the store goes by, and this machine's own."""
        self._store = store
        self._clock = clock
        self._machine = machine

    async def findings(self) -> list[Finding]:
        """Return what was found; raises `StoreError` where the store does not answer."""
        skew = await self._skew()
        now_ms = self._clock.now_ms()
        facts = await self._store.inspecting.facts(now_ms=now_ms)
        live = await self._store.fleet.workers(now_ms=now_ms)
        lost = await self._store.fleet.lost(now_ms=now_ms, limit=MOST_LOST)
        return [
            *engines.engine(facts.engine, now_ms),
            whole.clock(skew),
            *work.workers(live, now_ms),
            *work.queues(facts.waiting, live, facts.paused, now_ms),
            *work.lost(len(lost), at_least=len(lost) == MOST_LOST),
            *work.recurrences(facts.quarantined),
            *whole.products(await self._versions(), await self._kept()),
        ]

    async def _skew(self) -> ClockFacts | None:
        """Ask the server's clock between two looks at this machine's."""
        await self._store.inspecting.server_now_ms()  # the first answer waits for its plan
        before_ms = self._machine.now_ms()
        there_ms = await self._store.inspecting.server_now_ms()
        after_ms = self._machine.now_ms()
        if there_ms is None:
            return None
        middle_ms = (before_ms + after_ms) // 2
        return ClockFacts(there_ms - middle_ms, after_ms - before_ms)

    async def _kept(self) -> dict[str, Retention]:
        rows = await self._store.products.having("retention")
        return {row.tag: kept_in(row.document) for row in rows}

    async def _versions(self) -> dict[str, int | None]:
        tags = await self._store.products.tags()
        shown = {
            tag: await self._store.products.version(tag) for tag in tags[: whole.MOST_PRODUCTS]
        }
        return dict.fromkeys(tags) | shown
