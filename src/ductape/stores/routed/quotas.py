"""Quotas and breakers in several stores: each in the store of its product."""

from ductape.domain.limits.breaker import Admission, BreakerRule
from ductape.domain.limits.quota import Rule, Verdict
from ductape.ports.stores.quotas import BreakerKey, QuotaKey
from ductape.stores.routed.places import Places


class RoutedQuotas:
    """Where use is counted."""

    def __init__(self, places: Places) -> None:
        """Ask the product's store."""
        self._places = places

    async def check(self, key: QuotaKey, rule: Rule, amount: int, *, now_ms: int) -> Verdict:
        """Tell whether an amount would fit."""
        quotas = self._places.of_product(key.product).quotas
        return await quotas.check(key, rule, amount, now_ms=now_ms)

    async def increment(self, key: QuotaKey, rule: Rule, amount: int, *, now_ms: int) -> Verdict:
        """Count an amount if it fits."""
        quotas = self._places.of_product(key.product).quotas
        return await quotas.increment(key, rule, amount, now_ms=now_ms)

    async def reset(self, key: QuotaKey) -> None:
        """Forget all that was counted for a subject."""
        await self._places.of_product(key.product).quotas.reset(key)


class RoutedBreakers:
    """Where it is kept which providers keep failing."""

    def __init__(self, places: Places) -> None:
        """Ask the product's store."""
        self._places = places

    async def admit(self, key: BreakerKey, rule: BreakerRule, *, now_ms: int) -> Admission:
        """Tell whether one more call may be made."""
        breakers = self._places.of_product(key.product).breakers
        return await breakers.admit(key, rule, now_ms=now_ms)

    async def answered(self, key: BreakerKey) -> None:
        """Note that a provider answered."""
        await self._places.of_product(key.product).breakers.answered(key)

    async def failed(self, key: BreakerKey, rule: BreakerRule, *, now_ms: int) -> None:
        """Note that a provider failed."""
        breakers = self._places.of_product(key.product).breakers
        await breakers.failed(key, rule, now_ms=now_ms)

    async def told_nothing(self, key: BreakerKey, rule: BreakerRule, *, probed_at_ms: int) -> None:
        """Let the next caller probe."""
        breakers = self._places.of_product(key.product).breakers
        await breakers.told_nothing(key, rule, probed_at_ms=probed_at_ms)
