"""Steps that name a cache: an equal one's result answers them for a while (SPEC 7).

Unlike a run, a step waits for no other: two that begin at once are both done.
"""

from collections.abc import Awaitable, Callable

from ductape.domain.change import CacheEntry
from ductape.domain.job import Claim
from ductape.domain.jsonvalue import JsonValue
from ductape.ports.clock import Clock
from ductape.ports.invoke import Call
from ductape.ports.stores.memory import Memory
from ductape.services.intake.injection import Injected
from ductape.worker.attempt.preparing import Preparing


class StepCache:
    """Remembers the results of a run's steps."""

    def __init__(self, memory: Memory, preparing: Preparing, clock: Clock) -> None:
        """Keep them where the results of runs are."""
        self._memory = memory
        self._preparing = preparing
        self._clock = clock

    async def result(
        self, claim: Claim, call: Call, injected: Injected, work: Callable[[], Awaitable[JsonValue]]
    ) -> JsonValue:
        """Return what is remembered; else do the work, and remember what it gives."""
        tag = call.cache or ""
        key = self._preparing.call_key(claim, call, injected)
        found = await self._memory.fresh(claim.run.spec.product, key, now_ms=self._clock.now_ms())
        if found is not None:
            return self._preparing.sealing.opened(found.result)
        result = await work()
        now_ms = self._clock.now_ms()
        spec = claim.run.spec
        entry = CacheEntry(
            key=key,
            product=spec.product,
            tag=tag,
            event=injected.target.event,
            kind=injected.target.kind.value,
            expires_at_ms=now_ms + await self._preparing.expiry_ms(claim, tag),
        )
        sealed = spec.sensitive or injected.target.sensitive
        place = f"{claim.run.job_id}/{claim.run.number}/cache/{call.path}"
        sealing = self._preparing.sealing
        keep = sealing.sealed if sealed else sealing.unmistaken
        await self._memory.leave(entry, keep(result, place), now_ms=now_ms)
        return result
