"""Healthchecks: events that the system runs again and again, to know who is well (SPEC 9)."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct, field

from ductape.domain.fingerprint import canonical
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.scalars import SPAN_MAX_MS
from ductape.domain.product.format.words import Filled, Name, Retries, Tag, Words

SHORTEST_MS = 100
"""As of every recurrence (SPEC 4)."""
_DIGEST_BYTES = 6

Interval: TypeAlias = Annotated[
    int,
    Meta(ge=SHORTEST_MS, le=SPAN_MAX_MS, description="milliseconds, at least 100"),
]


class HealthcheckEnv(Struct, frozen=True):
    """What is checked in one env."""

    slug: Tag
    inputs: JsonObject = field(default_factory=dict[str, JsonValue])
    """What the event is called with there."""


class Healthcheck(Struct, frozen=True):
    """One event whose success says that something is well."""

    tag: Tag
    event: Filled
    interval: Interval
    """In milliseconds."""
    app: Tag | None = None
    """The app of an action: what its health is told of."""
    retries: Retries = 0
    """How often it is tried again before it counts as failed."""
    name: Name | None = None
    description: Words | None = None
    envs: tuple[HealthcheckEnv, ...] = ()
    """Where it is checked; none means everywhere, with an empty input."""


class Check(Struct, frozen=True):
    """One healthcheck in one env: a recurring job."""

    tag: str
    env: str
    event: str
    app: str | None
    input: JsonObject
    every_ms: int
    retries: int

    @property
    def key(self) -> str:
        """The job's key; an event of another name is another job."""
        named = canonical([self.tag, self.app, self.event])
        digest = blake2b(named, digest_size=_DIGEST_BYTES).hexdigest()
        return f"healthcheck:{self.tag[:150]}:{digest}"


def checks_of(healthcheck: Healthcheck, everywhere: list[str]) -> Iterator[Check]:
    """Yield a healthcheck's jobs, one for each env; `everywhere` has the slugs of all.

    >>> ping = Healthcheck(tag="ping", event="get", interval=1_000)
    >>> [check.env for check in checks_of(ping, ["dev", "prd"])]
    ['dev', 'prd']
    """
    envs = healthcheck.envs or tuple(HealthcheckEnv(slug=slug) for slug in everywhere)
    for env in envs:
        yield Check(
            tag=healthcheck.tag,
            env=env.slug,
            event=healthcheck.event,
            app=healthcheck.app,
            input=env.inputs,
            every_ms=healthcheck.interval,
            retries=healthcheck.retries,
        )
