"""A message broker: which server it is in each env, and the topics on it (SPEC 8, 9).

What stands beside `envs` holds in every env; an env's entry replaces it, field by field.
"""

from typing import Annotated, ClassVar, TypeAlias

from msgspec import Meta, Struct

from ductape.domain.definitions.broker import BrokerType, ExchangeType, Sasl, StartAt
from ductape.domain.product.format.words import Credential, Filled, Name, Span, Tag, Words

Deliveries: TypeAlias = Annotated[
    int, Meta(ge=1, le=1_000, description="a number of deliveries from 1 to 1000")
]


class BrokerEnv(Struct, frozen=True):
    """What a broker is in one env; the fields are those of `Broker`."""

    slug: Tag
    url: Filled | None = None
    servers: tuple[Filled, ...] = ()
    username: Filled | None = None
    password: Credential | None = None
    tls: bool | None = None
    sasl: Sasl | None = None
    region: Filled | None = None
    endpoint: Filled | None = None
    access_key_id: Filled | None = None
    secret_access_key: Credential | None = None
    session_token: Credential | None = None
    project: Filled | None = None
    credentials: Credential | None = None
    allow_private: bool | None = None


class Topic(Struct, frozen=True):
    """One stream, queue, exchange or subject."""

    WORDS: ClassVar[tuple[str, ...]] = ("title", "description")

    tag: Tag
    name: Filled | None = None
    """The broker's own name of it; the tag where left out."""
    title: Name | None = None
    """What people call it."""
    description: Words | None = None
    exchange: ExchangeType | None = None
    """RabbitMQ: `name` is an exchange of this type; without it, a queue."""
    routing_key: Filled | None = None
    """RabbitMQ: what an exchange routes by, where a message has no key of its own."""
    stream: Tag | None = None
    """NATS: the JetStream stream that keeps the subject."""
    start: StartAt = "oldest"
    """Where a new group begins: with what the broker still has, or with what comes."""
    dead_letter: Tag | None = None
    """The tag of the broker's topic that takes what cannot be accepted."""
    max_deliveries: Deliveries = 5
    """How often a message is tried before it is given up."""
    ack_wait: Span = 30_000
    """Milliseconds after which what nobody has acknowledged is delivered again."""
    sensitive: bool = False


class Broker(Struct, frozen=True):
    """One broker with its topics."""

    tag: Tag
    type: BrokerType
    name: Name | None = None
    description: Words | None = None
    url: Filled | None = None
    """Redis, RabbitMQ, NATS: as `redis://host:6379/0`."""
    servers: tuple[Filled, ...] = ()
    """Kafka: `host:port`, one or several."""
    username: Filled | None = None
    password: Credential | None = None
    tls: bool | None = None
    """Kafka: encrypted; the others say so in their URL."""
    sasl: Sasl | None = None
    """Kafka: how the user name and password are shown."""
    region: Filled | None = None
    """SQS."""
    endpoint: Filled | None = None
    """SQS and Pub/Sub: instead of the provider's own."""
    access_key_id: Filled | None = None
    secret_access_key: Credential | None = None
    session_token: Credential | None = None
    project: Filled | None = None
    """Pub/Sub: the Google Cloud project."""
    credentials: Credential | None = None
    """Pub/Sub: a service account's key file, as JSON."""
    allow_private: bool | None = None
    envs: tuple[BrokerEnv, ...] = ()
    topics: tuple[Topic, ...] = ()
