"""One option of a quota or a fallback, as its handler needs it; its mappings stand apart."""

from msgspec import Struct

from ductape.domain.limits.breaker import BreakerRule
from ductape.domain.request import JobEventTypes


class OptionTarget(Struct, frozen=True, omit_defaults=True):
    """What is called, under which name, and for how long."""

    provider: str
    """What it is called in results."""
    kind: JobEventTypes
    event: str
    app: str | None = None
    weight: float = 1
    retries: int = 0
    timeout_ms: int | None = None
    healthcheck: str | None = None
    """The key of the healthcheck's job."""
    breaker: BreakerRule = BreakerRule()
