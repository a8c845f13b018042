"""A job that runs another event."""

from msgspec import Struct

from ductape.domain.request import JobEventTypes


class PointingTarget(Struct, frozen=True, omit_defaults=True):
    """Which event, how often, how far apart."""

    kind: JobEventTypes
    event: str
    app: str | None = None
    executions: int = 1
    intervals_ms: int = 0
    """From the start of one to the start of the next."""
