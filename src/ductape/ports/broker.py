"""Message brokers: one outgoing message, and taking incoming ones. Spans are milliseconds."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct, field

from ductape.domain.definitions.broker import BrokerServer, BrokerTopic


class Place(Struct, frozen=True):
    """A topic of a broker, and whose it is: connections are kept for each product, env, broker."""

    product: str
    env: str
    broker: str
    server: BrokerServer
    topic: BrokerTopic


class Outgoing(Struct, frozen=True):
    """One message to publish."""

    body: bytes
    content_type: str
    id: str
    """The same in every attempt, so that the broker, or whoever reads, can drop a repeat."""
    key: str | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def __repr__(self) -> str:
        """Keep the content out of every log and traceback."""
        return f"Outgoing(id={self.id!r}, {len(self.body)} bytes)"


class Delivery(Struct, frozen=True):
    """One message as it arrived; it stays the broker's until it is acknowledged."""

    id: str
    """The broker's own, the same in every delivery."""
    body: bytes
    mark: object
    """What the broker's client acknowledges it by."""
    key: str | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    deliveries: int = 1
    """How often it has been delivered, as far as the broker tells."""
    published_at_ms: int | None = None
    repeats: bool = False
    """Whether ids begin anew with a stream or topic that is made anew under its name."""

    @property
    def identity(self) -> str:
        """What no other message has: the id, and the broker's time of it where ids repeat."""
        return f"{self.id}@{self.published_at_ms}" if self.repeats else self.id

    def __repr__(self) -> str:
        """Keep the content out of every log and traceback."""
        return f"Delivery(id={self.id!r}, deliveries={self.deliveries})"


class Consumer(Protocol):
    """Takes the messages of one topic for one group."""

    async def fetch(self, most: int, wait_ms: int) -> Sequence[Delivery]:
        """Return what is there, at most so many; wait for the first one no longer than that."""
        ...

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge messages: they never come again."""
        ...

    async def release(self, delivery: Delivery, delay_ms: int) -> None:
        """Let a message come again, not sooner than after the delay where the broker can wait."""
        ...


class Brokers(Protocol):
    """The brokers of all products. Every call raises `ProviderError` with a code of SPEC 12."""

    async def publish(self, place: Place, message: Outgoing, *, timeout_ms: int) -> str:
        """Publish, and return the broker's id of the message once the broker has confirmed it."""
        ...

    def consume(
        self, place: Place, group: str, member: str
    ) -> AbstractAsyncContextManager[Consumer]:
        """Take messages while the context lasts; what is not acknowledged by then comes again.

        `member` names who takes them within the group, the same one after a takeover.
        """
        ...
