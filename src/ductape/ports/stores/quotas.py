"""What was used of quotas, and which providers keep failing: known to the whole fleet (SPEC 9)."""

from typing import Protocol

from msgspec import Struct

from ductape.domain.limits.breaker import Admission, BreakerRule
from ductape.domain.limits.quota import Rule, Verdict


class QuotaKey(Struct, frozen=True):
    """Whose use is counted."""

    product: str
    env: str
    quota: str
    """Its tag."""
    subject: bytes
    """A keyed hash of the subject's fields: they may be personal."""


class Quotas(Protocol):
    """Where use is counted; of calls at once, each sees what those before it counted."""

    async def check(self, key: QuotaKey, rule: Rule, amount: int, *, now_ms: int) -> Verdict:
        """Tell whether an amount would fit."""
        ...

    async def increment(self, key: QuotaKey, rule: Rule, amount: int, *, now_ms: int) -> Verdict:
        """Count an amount if it fits."""
        ...

    async def reset(self, key: QuotaKey) -> None:
        """Forget all that was counted for a subject."""
        ...


class BreakerKey(Struct, frozen=True):
    """Which provider a breaker is of."""

    product: str
    env: str
    owner: str
    """What calls it, as `fallback:mail`."""
    provider: str


class Breakers(Protocol):
    """Where it is kept which providers keep failing."""

    async def admit(self, key: BreakerKey, rule: BreakerRule, *, now_ms: int) -> Admission:
        """Tell whether one more call may be made; of many workers at once, one is to probe."""
        ...

    async def answered(self, key: BreakerKey) -> None:
        """Note that a provider answered."""
        ...

    async def failed(self, key: BreakerKey, rule: BreakerRule, *, now_ms: int) -> None:
        """Note that a provider failed."""
        ...

    async def told_nothing(self, key: BreakerKey, rule: BreakerRule, *, probed_at_ms: int) -> None:
        """Let the next caller probe: the one that was admitted at an instant tells nothing."""
        ...
