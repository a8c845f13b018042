"""A product as its document declares it, section by section (SPEC 8).

The structs are the format: `shape` reads them to tell what is wrong with a document.
"""

from typing import Literal

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.format.app import App
from ductape.domain.product.format.broker import Broker
from ductape.domain.product.format.database import Database
from ductape.domain.product.format.feature import Feature
from ductape.domain.product.format.function import Function
from ductape.domain.product.format.healthcheck import Healthcheck
from ductape.domain.product.format.notification import Notification
from ductape.domain.product.format.options import (
    CallKind,
    Executions,
    Fallback,
    Interval,
    Quota,
)
from ductape.domain.product.format.schedule import Schedule
from ductape.domain.product.format.storage import Storage
from ductape.domain.product.format.webhook import Webhook
from ductape.domain.product.format.words import Days, Filled, Name, Span, Tag, Words

Period = Literal["seconds", "minutes", "hours", "days"]


class Env(Struct, frozen=True):
    """One environment of the product, as `dev` or `prd`."""

    slug: Tag
    name: Name | None = None
    description: Words | None = None
    locale: Tag | None = None
    """In which notifications speak where the caller gives several."""
    allow_private: bool = False
    """Asks to reach private addresses; the operator decides (SPEC 16)."""


class Verify(Struct, frozen=True):
    """Whose signed JWT counts as this session's token, instead of one of ours."""

    alg: Literal["HS256", "RS256", "ES256", "EdDSA"]
    key: JsonValue = None
    """A public key (PEM or one JWK), or for HS256 the shared one as `$Secret{name}`."""
    jwks: JsonObject | None = None
    """A set of public keys, as issuers publish it."""


class Session(Struct, frozen=True):
    """One kind of session (SPEC 6)."""

    tag: Tag
    schema: JsonObject
    """An example of the data: the same keys, the same JSON types."""
    expiry: Span
    """In `period`."""
    name: Name | None = None
    description: Words | None = None
    selector: Filled | None = None
    """Which of the data names the user, as `$Session{userId}`."""
    period: Period | None = None
    """Milliseconds where left out."""
    verify: Verify | None = None


class Cache(Struct, frozen=True):
    """How long results are remembered under one tag (SPEC 7)."""

    tag: Tag
    expiry: Span
    """In milliseconds."""
    name: Name | None = None
    description: Words | None = None


class Job(Struct, frozen=True):
    """A job that a registered Python handler does, or that runs another event."""

    tag: Tag
    handler: Literal["python"] | None = None
    event_tag: Filled | None = None
    """The event that it points at, instead of a handler."""
    event_type: CallKind | None = None
    """The kind of that event."""
    app: Tag | None = None
    """The app of an action."""
    executions: Executions | None = None
    """How often the event is run, one after another; once where left out."""
    intervals: Interval | None = None
    """Milliseconds from the start of one execution to that of the next; 0: at once."""
    name: Name | None = None
    description: Words | None = None
    sensitive: bool = False


class Retention(Struct, frozen=True):
    """For how many days finished runs are kept (SPEC 19); as the operator has it where left out."""

    completed: Days | None = None
    failed: Days | None = None
    """Of runs that failed or were cancelled."""


class Product(Struct, frozen=True):
    """One whole product."""

    tag: Tag
    envs: tuple[Env, ...]
    name: Name | None = None
    description: Words | None = None
    apps: tuple[App, ...] = ()
    notifications: tuple[Notification, ...] = ()
    databases: tuple[Database, ...] = ()
    sessions: tuple[Session, ...] = ()
    caches: tuple[Cache, ...] = ()
    jobs: tuple[Job, ...] = ()
    functions: tuple[Function, ...] = ()
    quotas: tuple[Quota, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()
    healthchecks: tuple[Healthcheck, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    storage: tuple[Storage, ...] = ()
    result_storage: Tag | None = None
    """Where results go that are too large for the store."""
    retention: Retention | None = None
    features: tuple[Feature, ...] = ()
    brokers: tuple[Broker, ...] = ()
