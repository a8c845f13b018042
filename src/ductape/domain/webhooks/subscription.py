"""Who wants to be told what, as one version of a product says it."""

from msgspec import Struct

from ductape.domain.job import JobSpec
from ductape.domain.webhooks.events import JobEvent, address_of, is_delivery


class Subscription(Struct, frozen=True):
    """One webhook, as far as deciding what to tell goes."""

    tag: str
    envs: frozenset[str]
    """Those in which it has a URL."""
    happenings: frozenset[str]
    """Which of `events.EVENTS`."""
    kinds: frozenset[str] = frozenset()
    """Of the jobs to tell of; empty for all."""
    of: frozenset[str] = frozenset()
    """Events of the jobs to tell of; empty for all."""
    retries: int = 0
    first_delay_ms: int = 0
    """Before the first retry; each further one waits longer."""
    queue: str = "default"

    @property
    def event(self) -> str:
        """What its deliveries name."""
        return address_of(self.tag)


Subscriptions = tuple[Subscription, ...]


def wanted_by(
    subscriptions: Subscriptions, happening: JobEvent, spec: JobSpec
) -> tuple[Subscription, ...]:
    """Return those that are to be told of what happened to a job; none where it is a delivery."""
    if is_delivery(spec.kind, spec.event):
        return ()
    return tuple(one for one in subscriptions if _wants(one, happening, spec))


def _wants(one: Subscription, happening: JobEvent, spec: JobSpec) -> bool:
    fits = not one.kinds or spec.kind.value in one.kinds
    named = not one.of or spec.event in one.of
    return spec.env in one.envs and happening in one.happenings and fits and named
