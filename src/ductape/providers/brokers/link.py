"""What each broker's module makes: a link, kept open, and feeds over it.

Each raises `ProviderError` alone. Time-outs and the holding back of messages are `pool`'s.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from ductape.domain.definitions.broker import BrokerServer, BrokerTopic
from ductape.domain.egress import EgressPolicy
from ductape.ports.broker import Delivery, Outgoing
from ductape.ports.clock import Clock
from ductape.ports.http import HttpClient
from ductape.ports.tokens import Tokens
from ductape.providers.brokers.tls import Trust

KEY_HEADER = "Ductape-Key"
"""Carries a message's key where the broker has no place for one."""


class Feed(Protocol):
    """The messages of one topic for one group."""

    async def fetch(self, most: int, wait_ms: int) -> Sequence[Delivery]:
        """Return what is there, waiting for a first message no longer than that."""
        ...

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge; returns once the broker has been told."""
        ...

    async def aclose(self, open_: Sequence[Delivery]) -> None:
        """End, and give back what is not acknowledged, if the broker can take it back at once."""
        ...


class Link(Protocol):
    """A connection to one broker."""

    where: str
    """The broker, as errors name it."""
    trust: Trust | None
    """What its certificate is checked by; none where it speaks plainly, or our HTTP client does."""

    async def publish(self, topic: BrokerTopic, message: Outgoing) -> str:
        """Return the broker's id of a message once it is confirmed."""
        ...

    async def feed(self, topic: BrokerTopic, group: str, member: str) -> Feed:
        """Begin to take messages."""
        ...

    async def aclose(self) -> None:
        """Close it; a second call is harmless."""
        ...


class Means(Struct, frozen=True):
    """What links are made with."""

    policy: EgressPolicy
    http: HttpClient
    clock: Clock
    tokens: Tokens
    """Those that Google's services ask for."""


Connect = Callable[[BrokerServer, Means], Link]
"""Makes a link, connected when first used."""


def key_of(headers: dict[str, str]) -> tuple[dict[str, str], str | None]:
    """Part a message's headers from the key that they carry.

    >>> key_of({"Ductape-Key": "7", "a": "b"})
    ({'a': 'b'}, '7')
    """
    rest = {name: value for name, value in headers.items() if name != KEY_HEADER}
    return rest, headers.get(KEY_HEADER)
