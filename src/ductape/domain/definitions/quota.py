"""A quota in one env."""

from msgspec import Struct

from ductape.domain.definitions.option import OptionTarget
from ductape.domain.limits.quota import Algorithm, Period


class QuotaTarget(Struct, frozen=True, omit_defaults=True):
    """Its limit, and the providers that its calls are spread over."""

    tag: str
    limit: int | None = None
    """None: it counts nothing, and only spreads."""
    period: Period = "day"
    per: tuple[str, ...] = ()
    algorithm: Algorithm = "fixed"
    tz: str = "UTC"
    options: tuple[OptionTarget, ...] = ()
