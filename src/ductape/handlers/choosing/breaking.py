"""The breakers of one attempt's options: who may be called, and what they are told of it (SPEC 9).

An attempt that is let through as the probe owes a word about the provider. Where it has none to
say, because it was refused or stopped, it gives its place back, so that the next caller probes.
"""

from ductape.domain.definitions.option import OptionTarget
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.outcome import Failure, Success
from ductape.ports.clock import Clock
from ductape.ports.handler import Invocation
from ductape.ports.stores.quotas import BreakerKey, Breakers

NOT_ITS_FAULT = frozenset(
    {
        "VALIDATION_ERROR",
        "NOT_FOUND",
        "REFERENCE_MISSING",
        "QUOTA_EXCEEDED",
        "SESSION_INVALID",
        "SESSION_EXPIRED",
        "STORE_ERROR",
    }
)
"""Codes that say nothing about whether a provider is well: its breaker is not told."""

SKIPPED = frozenset({"CIRCUIT_OPEN", "UNHEALTHY"})
"""Codes of options that are not called because they are not well."""


class NotTried(Exception):
    """An option was passed over; the reason is its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def told(self, option: OptionTarget) -> JsonObject:
        """Write it as it stands in an error's details."""
        return {"provider": option.provider, "code": self.code, "message": self.message}


class Breaking:
    """What one attempt asks of its options' breakers, and tells them."""

    def __init__(
        self, breakers: Breakers, clock: Clock, invocation: Invocation, owner: str
    ) -> None:
        """Call for `owner`, as `fallback:mail`."""
        self._breakers = breakers
        self._clock = clock
        self._invocation = invocation
        self._owner = owner
        self._probes: dict[str, int] = {}
        """When (epoch ms) this attempt was let through as the probe of a provider."""

    async def admitted(self, option: OptionTarget, *, after: Failure | None) -> bool:
        """Ask the breaker; false where an earlier try has opened it; raises `NotTried`."""
        now_ms = self._clock.now_ms()
        admission = await self._breakers.admit(self._key(option), option.breaker, now_ms=now_ms)
        if admission == "probe":
            self._probes[option.provider] = now_ms
        if admission == "skip" and after is None:
            raise NotTried("CIRCUIT_OPEN", "it keeps failing: skipped until it has cooled down")
        return admission != "skip"

    async def tell(self, option: OptionTarget, outcome: Success | Failure) -> None:
        """Tell the breaker what an option came to."""
        key = self._key(option)
        if isinstance(outcome, Failure) and outcome.error.code in NOT_ITS_FAULT:
            await self.let_go(option)
        elif isinstance(outcome, Success):
            await self._breakers.answered(key)
        else:
            await self._breakers.failed(key, option.breaker, now_ms=self._clock.now_ms())
        self._probes.pop(option.provider, None)

    async def let_go(self, option: OptionTarget) -> None:
        """Give the place of the probe back, where it is this attempt's."""
        probed_at_ms = self._probes.pop(option.provider, None)
        if probed_at_ms is not None:
            key, rule = self._key(option), option.breaker
            await self._breakers.told_nothing(key, rule, probed_at_ms=probed_at_ms)

    async def keep(self, option: OptionTarget) -> None:
        """Remember for whoever goes on with the run that it is the probe, where it is."""
        probed_at_ms = self._probes.get(option.provider)
        if probed_at_ms is not None:
            await self._invocation.engine.remember(_name(option), probed_at_ms)

    def recall(self, option: OptionTarget) -> None:
        """Be the probe again that the run was when it was held, if it was."""
        kept = self._invocation.engine.remembered(_name(option))
        if isinstance(kept, int):
            self._probes[option.provider] = kept

    def _key(self, option: OptionTarget) -> BreakerKey:
        invocation = self._invocation
        return BreakerKey(invocation.product, invocation.env, self._owner, option.provider)


def _name(option: OptionTarget) -> str:
    return f"probe.{option.provider}"
