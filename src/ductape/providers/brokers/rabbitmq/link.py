"""RabbitMQ: publisher confirms, unroutable messages returned as errors, manual acknowledgement.

A topic without `exchange` is a queue: published to through the default exchange, and shared by
whoever subscribes, for a queue knows no groups. With `exchange` it is an exchange of that type, and
each group has a queue of its own, `name.group`, bound by the topic's `routing_key`. What is missing
is declared, durable; what exists is taken as it is.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol, cast

import aio_pika
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
    DeliveryMode,
)
from aio_pika.exceptions import ChannelNotFoundEntity, PublishError

from ductape.domain.definitions.broker import BrokerServer, BrokerTopic
from ductape.domain.egress import Destination
from ductape.errors import ProviderError
from ductape.ports.broker import Delivery, Outgoing
from ductape.providers.brokers.link import KEY_HEADER, Means, key_of
from ductape.providers.brokers.marks import fitting
from ductape.providers.brokers.rabbitmq.faults import told
from ductape.providers.brokers.reaching import checked, read_url
from ductape.providers.brokers.tls import trust

PORTS = {"amqp": 5_672, "amqps": 5_671}
LONGEST_ID = 255
PREFETCH = 200
"""Messages that a subscriber may have in hand, unacknowledged."""

_CONNECT_S = 15
_BINDS_ALL = {"topic": "#", "fanout": "", "direct": ""}


def connect(server: BrokerServer, means: Means) -> "RabbitLink":
    """Make a link, connected when first used."""
    return RabbitLink(server, means)


class RabbitLink:
    """Implements `link.Link` over one connection; publishing has a channel, each feed another."""

    def __init__(self, server: BrokerServer, means: Means) -> None:
        """Read where the server is."""
        scheme = (server.url or "").partition("://")[0]
        self._server = server
        self._means = means
        self._at = read_url(server.url, PORTS.get(scheme, PORTS["amqp"]))
        self.where = f"RabbitMQ at {self._at.host}:{self._at.port}"
        self.trust = trust() if self._at.scheme == "amqps" else None
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._exchanges: dict[str, AbstractExchange] = {}
        self._opening = asyncio.Lock()
        self._connecting = asyncio.Lock()

    async def publish(self, topic: BrokerTopic, message: Outgoing) -> str:
        """Publish, and wait for the broker's confirmation."""
        headers: dict[str, str] = dict(message.headers)
        if message.key is not None:
            headers[KEY_HEADER] = message.key
        named = fitting(message.id, LONGEST_ID)
        sent = aio_pika.Message(
            message.body,
            headers=cast("dict[str, aio_pika.abc.FieldValue]", headers),
            content_type=message.content_type,
            message_id=named,
            timestamp=datetime.fromtimestamp(self._means.clock.now_ms() / 1000, UTC),
            delivery_mode=DeliveryMode.PERSISTENT,
        )
        route = _route(topic, message)
        with told(self.where):
            try:
                await (await self._ready(topic)).publish(sent, route, mandatory=True)
            except (PublishError, ChannelNotFoundEntity) as error:
                if topic.exchange is not None and isinstance(error, PublishError):
                    raise
                self._exchanges.pop(topic.name, None)  # Somebody has deleted it: declare it anew.
                await (await self._ready(topic)).publish(sent, route, mandatory=True)
        return named

    async def feed(self, topic: BrokerTopic, group: str, member: str) -> "RabbitFeed":  # noqa: ARG002 (a group's members are alike)
        """Declare what is missing, and begin to consume."""
        with told(self.where):
            connection = await self._connected()
            queue = await _queue(connection, topic, group)
            feed = RabbitFeed(self.where, queue)
            await feed.begin()
        return feed

    async def aclose(self) -> None:
        """Close the connection and all its channels."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with told(self.where):
                await connection.close()

    async def _ready(self, topic: BrokerTopic) -> AbstractExchange:
        """Return where a topic is published, declared once for each connection."""
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                self._exchanges = {}
                connection = await self._connected()
                self._channel = await connection.channel(on_return_raises=True)
            if topic.name not in self._exchanges:
                connection = await self._connected()
                await _declared(connection, topic)
                self._exchanges[topic.name] = await _exchange(self._channel, topic)
            return self._exchanges[topic.name]

    async def _connected(self) -> AbstractConnection:
        if self._connection is not None:
            return self._connection
        async with self._connecting:
            if self._connection is None:
                self._connection = await self._connect()
            return self._connection

    async def _connect(self) -> AbstractConnection:
        at, server = self._at, self._server
        destination = Destination(at.host, at.port, server.allow_private)
        address = await checked(self._means.policy, destination)
        return await aio_pika.connect(
            host=address if self.trust is None else at.host,
            port=at.port,
            login=server.username or at.username or "guest",
            password=server.password or at.password or "guest",
            virtualhost=at.path or "/",
            ssl=self.trust is not None,
            ssl_context=self.trust,
            timeout=_CONNECT_S,
        )


class RabbitFeed:
    """Implements `link.Feed` by what the broker pushes."""

    def __init__(self, where: str, queue: AbstractQueue) -> None:
        """Consume one queue."""
        self._where = where
        self._queue = queue
        self._arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._tag = ""

    async def begin(self) -> None:
        """Let the broker push, some at a time."""
        self._tag = await self._queue.consume(self._arrived.put, no_ack=False)

    async def fetch(self, most: int, wait_ms: int) -> Sequence[Delivery]:
        """Return what has arrived; if nothing has, wait for the first one."""
        if self._queue.channel.is_closed:
            raise ProviderError("CONNECTION_LOST", f"{self._where}: channel closed")
        found: list[AbstractIncomingMessage] = []
        if self._arrived.empty():
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_ms / 1000):
                    found.append(await self._arrived.get())
        while len(found) < most and not self._arrived.empty():
            found.append(self._arrived.get_nowait())
        if not found:
            await self._refuse_deaf()
        return [_delivery(one, self._tag) for one in found]

    async def _refuse_deaf(self) -> None:
        """Raise where the broker pushes no more: it ends consumers whose queue is deleted."""
        channel = cast("_Consuming", await self._queue.channel.get_underlay_channel())
        if self._tag not in channel.consumers:
            raise ProviderError("SERVICE_UNAVAILABLE", f"{self._where}: the queue is gone")

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge one by one: between them may be some that come again."""
        with told(self._where):
            for one in deliveries:
                await cast("AbstractIncomingMessage", one.mark).ack()

    async def aclose(self, open_: Sequence[Delivery]) -> None:  # noqa: ARG002 (the broker knows)
        """Close the channel, by which the broker has back what was not acknowledged."""
        with told(self._where):
            await self._queue.channel.close()


class _Consuming(Protocol):
    """A channel of the client below aio-pika, as far as we look into it."""

    consumers: Mapping[str, object]
    """By tag; one that the broker has ended is gone."""


def _route(topic: BrokerTopic, message: Outgoing) -> str:
    if topic.exchange is None:
        return topic.name
    return message.key or topic.routing_key or ""


async def _exchange(channel: AbstractChannel, topic: BrokerTopic) -> AbstractExchange:
    if topic.exchange is None:
        return channel.default_exchange
    return await channel.get_exchange(topic.name, ensure=False)


async def _declared(connection: AbstractConnection, topic: BrokerTopic) -> None:
    """Declare a topic's queue or exchange if there is none.

    Asking for what is not there closes the channel, so that each question has one of its own.
    """
    async with connection.channel() as channel:
        try:
            if topic.exchange is None:
                await channel.declare_queue(topic.name, passive=True)
            else:
                await channel.declare_exchange(topic.name, topic.exchange, passive=True)
        except ChannelNotFoundEntity:
            pass
        else:
            return
    async with connection.channel() as channel:
        if topic.exchange is None:
            await channel.declare_queue(topic.name, durable=True)
        else:
            await channel.declare_exchange(topic.name, topic.exchange, durable=True)


async def _queue(connection: AbstractConnection, topic: BrokerTopic, group: str) -> AbstractQueue:
    """Open the queue that a group consumes, on a channel of its own."""
    await _declared(connection, topic)
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=PREFETCH)
    if topic.exchange is None:
        return await channel.get_queue(topic.name, ensure=False)
    queue = await channel.declare_queue(f"{topic.name}.{group}", durable=True)
    binding = topic.routing_key or _BINDS_ALL[topic.exchange]
    await queue.bind(topic.name, binding)
    return queue


def _delivery(message: AbstractIncomingMessage, consumer: str) -> Delivery:
    given = {name: _text(value) for name, value in message.headers.items()}
    headers, key = key_of({name: value for name, value in given.items() if value is not None})
    at = message.timestamp
    return Delivery(
        id=message.message_id or f"unnamed:{consumer}:{message.delivery_tag}",
        body=message.body,
        mark=message,
        key=key or _routed_by(message),
        headers=headers,
        deliveries=_deliveries(message),
        published_at_ms=None if at is None else int(at.timestamp() * 1000),
    )


def _routed_by(message: AbstractIncomingMessage) -> str | None:
    """Return the routing key as a message's key; what led to the queue itself is its name alone."""
    return message.routing_key or None if message.exchange else None


def _deliveries(message: AbstractIncomingMessage) -> int:
    """Count as far as the broker does: a quorum queue counts, others tell a first delivery only."""
    count = message.headers.get("x-delivery-count")
    if isinstance(count, int):
        return count + 1
    return 2 if message.redelivered else 1


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value) if isinstance(value, (str, int, float)) else None
