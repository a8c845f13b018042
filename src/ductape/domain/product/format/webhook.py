"""A webhook: who is told what happens to the product's jobs (SPEC 9).

What stands beside `envs` holds in every env; without a URL there it goes only to the envs that
have one of their own.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

from ductape.domain.product.format.words import Credential, Filled, Name, Span, Tag, Words
from ductape.domain.webhooks.events import JobEvent

Retries: TypeAlias = Annotated[int, Meta(ge=0, le=1_000, description="an integer from 0 to 1000")]


Kind: TypeAlias = Literal[
    "action",
    "database_action",
    "fallback",
    "feature",
    "function",
    "job",
    "notification",
    "publish",
    "quota",
    "storage",
    "subscribe",
]
"""The values of `JobEventTypes`."""


class WebhookEnv(Struct, frozen=True):
    """A webhook in one env."""

    slug: Tag
    url: Filled | None = None
    secret: Credential | None = None
    previous_secret: Credential | None = None
    allow_private: bool | None = None


class WebhookFilter(Struct, frozen=True):
    """Of which jobs is told."""

    kinds: tuple[Kind, ...] = ()
    """Left out: of every kind."""
    events: tuple[Filled, ...] = ()
    """As jobs name them; left out: whatever they name."""


class Webhook(Struct, frozen=True):
    """One receiver."""

    tag: Tag
    name: Name | None = None
    description: Words | None = None
    url: Filled | None = None
    secret: Credential | None = None
    """`whsec_` and base64, as `$Secret{name}`."""
    previous_secret: Credential | None = None
    """While the secret is being replaced: signed with both."""
    events: tuple[JobEvent, ...] = ()
    """Left out: all of them."""
    filter: WebhookFilter | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    retries: Retries = 10
    initial_delay: Span = 5_000
    """Milliseconds before the first retry; each further one waits four times as long."""
    queue: Name = "default"
    """In which deliveries wait for a worker."""
    allow_private: bool | None = None
    envs: tuple[WebhookEnv, ...] = ()
