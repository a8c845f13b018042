"""The brokers of all products: one link for each product, env and broker, kept until it breaks.

A link that broke or did not answer in time, or whose definition has changed, gives way to a new
one, and is closed once nobody uses it any longer; so is one that nobody has used for long, when
another is made. Every call is bounded in time here, whatever the
broker's own client does.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TypeVar, cast

from ductape.domain.definitions.broker import BrokerServer, BrokerType
from ductape.domain.egress import EgressPolicy
from ductape.errors import ConfigError, ProviderError
from ductape.ports.broker import Consumer, Delivery, Outgoing, Place
from ductape.ports.clock import Clock
from ductape.ports.http import HttpClient
from ductape.ports.tokens import Tokens
from ductape.providers.brokers.later import Later
from ductape.providers.brokers.link import Connect, Feed, Link, Means

T = TypeVar("T")

PATIENCE_S = 30.0
"""How long a broker may take for one call, beyond what the call itself waits for."""

FORGOTTEN_S = 3_600
"""How long a link is kept that nobody uses: no version may name its broker any more."""

_FAREWELL_S = 2.0
_BROKEN = frozenset({"CONNECTION_ERROR", "CONNECTION_LOST", "TIMEOUT"})

_MODULES: dict[BrokerType, str] = {
    "redis": "redis.link",
    "rabbitmq": "rabbitmq.link",
    "nats": "nats.link",
    "kafka": "kafka.link",
    "sqs": "sqs.link",
    "pubsub": "pubsub",
}
"""Which module links to each type; its extra, where it needs one, is named like the type."""


class BrokerPool:
    """`ports.broker.Brokers` over each broker's own client."""

    def __init__(
        self, policy: EgressPolicy, http: HttpClient, clock: Clock, tokens: Tokens
    ) -> None:
        """Take the operator's policy; client and tokens are for brokers that speak HTTP."""
        self._means = Means(policy, http, clock, tokens)
        self._kept: dict[tuple[str, str, str], _Kept] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def publish(self, place: Place, message: Outgoing, *, timeout_ms: int) -> str:
        """Publish, and return the broker's id; raises `ProviderError`."""
        async with self._used(place) as link:
            return await _bounded(link.publish(place.topic, message), place, timeout_ms / 1000)

    @asynccontextmanager
    async def consume(self, place: Place, group: str, member: str) -> AsyncGenerator[Consumer]:
        """Take messages while the context lasts; raises `ProviderError`."""
        async with self._used(place) as link:
            feed = await _bounded(link.feed(place.topic, group, member), place, PATIENCE_S)
            consumer = _Consumer(feed, place)
            patient = True
            try:
                yield consumer
            except ProviderError as error:
                patient = error.code not in _BROKEN
                raise
            finally:
                closing = self._closed(feed.aclose(consumer.open))
                if patient:
                    await asyncio.shield(closing)

    async def aclose(self) -> None:
        """Close every link; a second call is harmless."""
        kept, self._kept = self._kept, {}
        for one in kept.values():
            self._closed(one.link.aclose())
        await asyncio.gather(*self._closing)

    @asynccontextmanager
    async def _used(self, place: Place) -> AsyncGenerator[Link]:
        """Lend the link of a broker; what shows it to be broken ends its use by others."""
        key = (place.product, place.env, place.broker)
        kept = self._kept.get(key)
        if kept is None or kept.server != place.server:
            made = _connect(place.server.type)(place.server, self._means)
            if kept is not None:
                self._retire(key, kept)
            self._forget()
            kept = self._kept[key] = _Kept(place.server, made)
        kept.users += 1
        broken = False
        try:
            yield kept.link
        except ProviderError as error:
            broken = error.code in _BROKEN
            _raise_distrust(kept.link, error)
            raise
        except asyncio.CancelledError:
            broken = True  # Its time is over: perhaps nothing will ever be answered.
            raise
        finally:
            kept.users -= 1
            kept.used_s = _now_s()
            if broken or kept.retired:
                self._retire(key, kept)

    def _retire(self, key: tuple[str, str, str], kept: "_Kept") -> None:
        """Give a link to nobody any more, and begin to close it once nobody has it."""
        kept.retired = True
        if self._kept.get(key) is kept:
            del self._kept[key]
        if kept.users == 0:
            self._closed(kept.link.aclose())

    def _forget(self) -> None:
        """Close what nobody has used for long."""
        used_before_s = _now_s() - FORGOTTEN_S
        for key, kept in list(self._kept.items()):
            if kept.users == 0 and kept.used_s < used_before_s:
                self._retire(key, kept)

    def _closed(self, closing: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Begin to close a part: nobody whose time is over waits for a broker that is silent."""
        task = asyncio.create_task(_ended(closing))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task


@dataclass
class _Kept:
    """A link, and how many calls are using it."""

    server: BrokerServer
    link: Link
    users: int = 0
    used_s: float = 0.0
    """When it was used last, by the event loop's time."""
    retired: bool = False


class _Consumer:
    """A feed within bounds of time, and with what is to come again."""

    def __init__(self, feed: Feed, place: Place) -> None:
        self._feed = feed
        self._place = place
        self._later = Later()
        self._open: dict[str, Delivery] = {}

    @property
    def open(self) -> list[Delivery]:
        """What has been given out and not been acknowledged."""
        return [*self._open.values()]

    async def fetch(self, most: int, wait_ms: int) -> Sequence[Delivery]:
        """Return what is due again first, then what the broker has."""
        due = self._later.due(most)
        if due:
            return due
        wait_ms = self._later.next_in_ms(wait_ms)
        if self._later.full:
            await asyncio.sleep(wait_ms / 1000)
            return self._later.due(most)
        patience_s = wait_ms / 1000 + PATIENCE_S
        found = await _bounded(self._feed.fetch(most, wait_ms), self._place, patience_s)
        for one in found:
            self._later.forget(one.id)
            self._open[one.id] = one
        return found

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge messages."""
        await _bounded(self._feed.accept(deliveries), self._place, PATIENCE_S)
        for one in deliveries:
            self._open.pop(one.id, None)

    async def release(self, delivery: Delivery, delay_ms: int) -> None:
        """Hold a message until it is due again."""
        self._later.put(delivery, delay_ms)


async def _bounded(call: Awaitable[T], place: Place, patience_s: float) -> T:
    patience = asyncio.timeout(patience_s)
    try:
        async with patience:
            return await call
    except TimeoutError as error:
        waited = f"within {int(patience_s * 1000)} ms"
        message = f"the broker `{place.broker}` gave no answer {waited}"
        raise ProviderError("TIMEOUT", message) from error


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _raise_distrust(link: Link, error: ProviderError) -> None:
    """Raise what is known of a certificate that was refused, instead of a client's own words."""
    refusal = None if link.trust is None else link.trust.refusal(link.where)
    if refusal is not None:
        raise refusal from error


async def _ended(closing: Awaitable[None]) -> None:
    """Close a part; a broker that does not answer is left without a word."""
    try:
        async with asyncio.timeout(_FAREWELL_S):
            await closing
    except (TimeoutError, ProviderError):
        return


def _connect(kind: BrokerType) -> Connect:
    """Load what links to a type of broker; raises `ConfigError` where its extra is missing."""
    try:
        module = import_module(f"ductape.providers.brokers.{_MODULES[kind]}")
    except ImportError as error:
        installs = f"pip install 'ductape-jobs[{kind}]'"
        raise ConfigError(
            f"a broker of type {kind} needs the extra `{kind}`: {installs} ({error})", hint=installs
        ) from error
    return cast("Connect", module.connect)
