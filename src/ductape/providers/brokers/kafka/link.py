"""Kafka: an idempotent producer that waits for all replicas, consumer groups, commits by hand.

A message's id is `topic:partition:offset`. A partition is committed up to the first message that is
not acknowledged, so that none is passed over; what comes again after a rebalance makes no second
job.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# aiokafka has next to no annotations, and nobody has made stubs of it.

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, cast

from aiokafka import (
    AIOKafkaClient,
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    TopicPartition,
)
from aiokafka.conn import create_conn
from aiokafka.errors import CommitFailedError, IllegalStateError

from ductape.domain.definitions.broker import BrokerServer, BrokerTopic
from ductape.domain.egress import Destination
from ductape.errors import NotFound, ProviderError
from ductape.ports.broker import Delivery, Outgoing
from ductape.providers.brokers.kafka.faults import told
from ductape.providers.brokers.kafka.offsets import Offsets
from ductape.providers.brokers.kafka.topics import until_there
from ductape.providers.brokers.link import Means
from ductape.providers.brokers.reaching import checked, read_server
from ductape.providers.brokers.tls import trust

REQUEST_MS = 20_000

_APPEARS_WITHIN_S = 5.0
"""How long a topic may take to appear: a cluster may make it when it is asked for."""
_COMES_BACK_WITHIN_S = 0.1
"""How long one that was there may be unknown: the client does nothing else meanwhile but ask."""
_SLACK_S = 0.1
_FAREWELL_S = 0.5
"""How long what is on its way may take to be confirmed when a connection is given up."""


def connect(server: BrokerServer, means: Means) -> "KafkaLink":
    """Make a link, connected when first used."""
    return KafkaLink(server, means)


class KafkaLink:
    """Implements `link.Link`: one producer, and a consumer for each feed."""

    def __init__(self, server: BrokerServer, means: Means) -> None:
        """Take where the cluster is and who we are there."""
        self.where = f"Kafka at {', '.join(server.servers)}"
        self.trust = trust() if server.tls else None
        self._server = server
        self._means = means
        self._producer: AIOKafkaProducer | None = None
        self._gone: set[str] = set()
        """Topics that were not there when somebody asked for them."""
        self._opening = asyncio.Lock()

    async def publish(self, topic: BrokerTopic, message: Outgoing) -> str:
        """Send, and wait until all replicas in sync have the message."""
        headers = [(name, value.encode()) for name, value in message.headers.items()]
        key = None if message.key is None else message.key.encode()
        producer = await self._connected()
        with told():
            kept = await producer.send_and_wait(topic.name, message.body, key=key, headers=headers)
        return f"{kept.topic}:{kept.partition}:{kept.offset}"

    async def feed(self, topic: BrokerTopic, group: str, member: str) -> "KafkaFeed":
        """Begin to join the group, which may take seconds: fetching waits for it."""
        # All that is in one that was made anew has come since.
        oldest = topic.start == "oldest" or topic.name in self._gone
        consumer = AIOKafkaConsumer(
            group_id=group,
            client_id=f"ductape-{member}",
            enable_auto_commit=False,
            auto_offset_reset="earliest" if oldest else "latest",
            **await self._options(),
        )
        await self._started(consumer)
        try:
            with told():
                await until_there(_client_of(consumer), topic.name, _APPEARS_WITHIN_S)
        except BaseException as error:
            await _stopped(consumer)
            if isinstance(error, ProviderError) and error.code == NotFound.code:
                self._gone.add(topic.name)
            raise
        feed = KafkaFeed(consumer, topic.name)
        consumer.subscribe([topic.name], listener=feed)
        return feed

    async def aclose(self) -> None:
        """Send what waits, and close."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stopped(producer)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._opening:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    acks="all", enable_idempotence=True, **await self._options()
                )
                await self._started(producer)
                self._producer = producer
            return self._producer

    async def _started(self, part: AIOKafkaProducer | AIOKafkaConsumer) -> None:
        self._guard(_client_of(part))
        try:
            with told():
                await part.start()
        except BaseException as error:
            await _stopped(part)
            if isinstance(error, ProviderError) and self._server.sasl is not None:
                await self._refused()
            raise

    async def _refused(self) -> None:
        """Raise what a connection comes to: where none was made, the client does not tell why."""
        options = await self._options()
        for server in options.pop("bootstrap_servers"):
            host, port = read_server(server)
            with told():
                made = await create_conn(host, port, **options)
                made.close()

    async def _options(self) -> dict[str, Any]:
        """Return what producers and consumers have in common, the first addresses checked."""
        server = self._server
        found = [await self._first(one) for one in server.servers]
        options: dict[str, Any] = {
            "bootstrap_servers": found,
            "request_timeout_ms": REQUEST_MS,
            "security_protocol": _protocol(server),
        }
        if self.trust is not None:
            options["ssl_context"] = self.trust
        if server.sasl is not None:
            options["sasl_mechanism"] = server.sasl
            options["sasl_plain_username"] = server.username
            options["sasl_plain_password"] = server.password
        return options

    async def _first(self, server: str) -> str:
        host, port = read_server(server)
        address = await self._checked(host, port)
        shown = host if self._server.tls else address
        return f"[{shown}]:{port}" if ":" in shown else f"{shown}:{port}"

    async def _checked(self, host: str, port: int) -> str:
        private = self._server.allow_private
        return await checked(self._means.policy, Destination(host, port, private))

    def _guard(self, client: AIOKafkaClient) -> None:
        """Check also the brokers that the first one tells of, before any is connected to.

        aiokafka has no place for that: the one method by which it connects is wrapped.
        """
        inner = cast("Callable[..., Awaitable[object]]", client._get_conn)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

        async def get_conn(node_id: object, **options: object) -> object:
            broker = client.cluster.broker_metadata(node_id)
            if broker is not None:
                await self._checked(str(broker.host), int(broker.port))
            return await inner(node_id, **options)

        client._get_conn = get_conn  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


class KafkaFeed(ConsumerRebalanceListener):
    """Implements `link.Feed`; hears of the partitions that the group takes from it and gives it."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str) -> None:
        """Take what the group gives this consumer of a topic."""
        self._consumer = consumer
        self._topic = topic
        self._offsets = Offsets()

    def on_partitions_revoked(self, revoked: object) -> None:
        """Go on until the group has said who has what."""

    def on_partitions_assigned(self, assigned: object) -> None:  # noqa: ARG002 (aiokafka's)
        """Forget what is in hand: what was not committed comes again, to whoever has it now."""
        self._offsets = Offsets()

    async def fetch(self, most: int, wait_ms: int) -> Sequence[Delivery]:
        """Return what has been fetched; wait for the first one, or in vain for the group.

        Raises `ProviderError` where the topic is gone: the client alone would ask on without end.
        """
        batches: dict[Any, Any] = {}
        # While a group is rebalanced the client waits for its end, whatever it is told.
        with told(), suppress(TimeoutError):
            async with asyncio.timeout(wait_ms / 1000 + _SLACK_S):
                batches = await self._consumer.getmany(timeout_ms=wait_ms, max_records=most)
        found: list[Delivery] = []
        for place, records in batches.items():
            for record in records:
                self._offsets.taken((place.topic, place.partition), record.offset)
                found.append(_delivery(record))
        if not found:
            with told():
                await until_there(_client_of(self._consumer), self._topic, _COMES_BACK_WITHIN_S)
        return found

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        """Commit as far as nothing before is unacknowledged.

        A group that is rebalanced meanwhile takes no commit: then the messages come again.
        """
        for one in deliveries:
            topic, partition, offset = cast("tuple[str, int, int]", one.mark)
            self._offsets.done((topic, partition), offset)
        due = {
            TopicPartition(topic, partition): offset
            for (topic, partition), offset in self._offsets.commits().items()
        }
        if due:
            with told(), suppress(CommitFailedError, IllegalStateError):
                await self._consumer.commit(due)  # Else whoever has the partition next does it.

    async def aclose(self, open_: Sequence[Delivery]) -> None:  # noqa: ARG002 (what is not committed)
        """Leave the group."""
        await _stopped(self._consumer)


def _client_of(part: AIOKafkaProducer | AIOKafkaConsumer) -> AIOKafkaClient:
    if isinstance(part, AIOKafkaProducer):
        return part.client
    return part._client  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] (a consumer shows it nowhere)


async def _stopped(part: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """Stop a part. Left to a broker that is silent it would wait, stay connected, and send on."""
    if isinstance(part, AIOKafkaProducer) and not await _flushed(part):
        await _cut_off(part)
        return
    stopping = asyncio.create_task(part.stop())
    try:
        _, late = await asyncio.wait([stopping], timeout=_FAREWELL_S)
        if late:
            await _client_of(part).close()
        with told():
            await stopping
    finally:
        stopping.cancel()


async def _flushed(producer: AIOKafkaProducer) -> bool:
    """Wait a while until what is on its way has been confirmed, or refused."""
    try:
        async with asyncio.timeout(_FAREWELL_S):
            await producer.flush()
    except TimeoutError:
        return False
    return True


async def _cut_off(producer: AIOKafkaProducer) -> None:
    """End a producer with what it has not sent; its own `stop` would leave that to be sent."""
    await producer.client.close()
    sending = cast("asyncio.Task[None]", producer._sender.sender_task)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]
    while not sending.done():  # Asked once, it sees what it has begun to its end.
        sending.cancel()
        await asyncio.sleep(0)
    producer._closed = True  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def _protocol(server: BrokerServer) -> str:
    carrier = "SSL" if server.tls else "PLAINTEXT"
    return carrier if server.sasl is None else f"SASL_{carrier}"


def _delivery(record: Any) -> Delivery:  # noqa: ANN401 (untyped there)
    headers = {str(name): bytes(value).decode(errors="replace") for name, value in record.headers}
    return Delivery(
        id=f"{record.topic}:{record.partition}:{record.offset}",
        body=record.value or b"",
        mark=(record.topic, record.partition, record.offset),
        key=None if record.key is None else bytes(record.key).decode(errors="replace"),
        headers=headers,
        published_at_ms=record.timestamp,
        repeats=True,
    )
