"""A broker's topic, as it is in one env."""

from typing import Literal

from msgspec import Struct

BrokerType = Literal["redis", "rabbitmq", "nats", "kafka", "sqs", "pubsub"]
ExchangeType = Literal["direct", "fanout", "topic"]
Sasl = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
StartAt = Literal["oldest", "newest"]


class BrokerServer(Struct, frozen=True, omit_defaults=True):
    """Where a broker is and who we are there."""

    type: BrokerType
    url: str | None = None
    servers: tuple[str, ...] = ()
    username: str | None = None
    password: str | None = None
    tls: bool = False
    sasl: Sasl | None = None
    region: str | None = None
    endpoint: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    project: str | None = None
    credentials: str | None = None
    allow_private: bool = False

    def __repr__(self) -> str:
        """Keep what opens the broker out of every log and traceback."""
        return f"BrokerServer(type={self.type!r})"


class BrokerTopic(Struct, frozen=True, omit_defaults=True):
    """One stream, queue, exchange or subject."""

    tag: str
    name: str
    """The broker's own."""
    exchange: ExchangeType | None = None
    routing_key: str | None = None
    stream: str | None = None
    start: StartAt = "oldest"
    ack_wait: int = 30_000
    """Milliseconds."""


class TopicTarget(Struct, frozen=True, omit_defaults=True):
    """What is published to, or subscribed to."""

    broker: str
    """The broker's tag."""
    server: BrokerServer
    topic: BrokerTopic
    dead_letter: BrokerTopic | None = None
    max_deliveries: int = 5
