"""NATS JetStream: durable pull consumers, explicit acknowledgement, `Nats-Msg-Id` against repeats.

A subject that no stream keeps gets one, of the name that the topic's `stream` gives. A message's id
is `stream:sequence`. The connection is not mended by the client: a broken one is replaced by the
pool, which has every address checked anew.
"""

# pyright: reportUnknownMemberType=false
# nats-py has annotations for a part of what is called here only.

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import cast

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionClosedError, MaxPayloadError
from nats.js.errors import NoStreamResponseError

from ductape.domain.definitions.broker import BrokerServer, BrokerTopic
from ductape.domain.egress import Destination
from ductape.errors import ProviderError
from ductape.ports.broker import Delivery, Outgoing
from ductape.providers.brokers.link import KEY_HEADER, Means, key_of
from ductape.providers.brokers.nats.faults import told
from ductape.providers.brokers.nats.places import made, place_of
from ductape.providers.brokers.reaching import checked, read_url
from ductape.providers.brokers.tls import trust

PORT = 4_222

_CONNECT_S = 10
_FAREWELL_S = 0.05
_MESSAGE_ID = "Nats-Msg-Id"
_STATUS = "Status"
_OURS = frozenset({_MESSAGE_ID, "Content-Type"})


def connect(server: BrokerServer, means: Means) -> "NatsLink":
    """Make a link, connected when first used."""
    return NatsLink(server, means)


class NatsLink:
    """Implements `link.Link`."""

    def __init__(self, server: BrokerServer, means: Means) -> None:
        """Read where the server is."""
        self._server = server
        self._means = means
        self._at = read_url(server.url, PORT)
        self.where = f"NATS at {self._at.host}:{self._at.port}"
        self.trust = trust() if self._at.scheme == "tls" else None
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, topic: BrokerTopic, message: Outgoing) -> str:
        """Publish to the subject, and make its stream if none keeps it."""
        headers = {_MESSAGE_ID: message.id, "Content-Type": message.content_type}
        headers |= message.headers
        if message.key is not None:
            headers[KEY_HEADER] = message.key
        client = await self._connected()
        with told(self.where):
            _refuse_too_large(client, headers, message.body)
            stream = client.jetstream()
            try:
                kept = await stream.publish(topic.name, message.body, headers=headers)
            except NoStreamResponseError:
                await made(client, topic)
                kept = await stream.publish(topic.name, message.body, headers=headers)
        return f"{kept.stream}:{kept.seq}"

    async def feed(self, topic: BrokerTopic, group: str, member: str) -> "NatsFeed":  # noqa: ARG002 (a group's members are alike)
        """Make the durable consumer where it is missing, and begin."""
        client = await self._connected()
        with told(self.where):
            stream, durable = await place_of(client, topic, group)
            inbox = client.new_inbox()
            heard = await client.subscribe(f"{inbox}.*")
        pull = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        return NatsFeed(self.where, client, heard, pull, inbox)

    async def aclose(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            with told(self.where):
                await client.close()

    async def _connected(self) -> Client:
        if self._client is not None:
            return self._client
        async with self._connecting:
            if self._client is None:
                self._client = await self._connect()
            return self._client

    async def _connect(self) -> Client:
        at, server = self._at, self._server
        destination = Destination(at.host, at.port, server.allow_private)
        address = await checked(self._means.policy, destination)
        host = f"[{address}]" if ":" in address else address
        username = server.username or at.username
        password = server.password or at.password
        client = Client()
        try:
            with told(self.where):
                await client.connect(
                    f"{at.scheme}://{host}:{at.port}",
                    user=username if password else None,
                    password=password,
                    token=None if password else username,
                    tls=self.trust,
                    tls_hostname=None if self.trust is None else at.host,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,  # Which counts the first ones too; 0 would be no end.
                    reconnect_time_wait=0,
                    connect_timeout=_CONNECT_S,
                    error_cb=_unheard,
                    closed_cb=partial(_answered, client),
                )
        except BaseException:
            await _left(client)
            raise
        return client


class NatsFeed:
    """Implements `link.Feed` by pull requests, each answered to a subject of its own."""

    def __init__(
        self, where: str, client: Client, heard: Subscription, pull: str, inbox: str
    ) -> None:
        """Ask at the subject `pull`, hear below `inbox`."""
        self._where = where
        self._client = client
        self._heard = heard
        self._pull = pull
        self._inbox = inbox
        self._asked = 0
        self._gone: str | None = None

    async def fetch(self, most: int, wait_ms: int) -> Sequence[Delivery]:
        """Return what is there; if nothing is, wait for the first one.

        Raises `ProviderError` where the consumer is gone, as with a stream that is made anew.
        """
        with told(self._where):
            found = await self._at_once(most)
            if not found and (first := await self._first(wait_ms)) is not None:
                found = [first, *(await self._at_once(most - 1) if most > 1 else [])]
        if self._gone is not None and not found:
            raise ProviderError("SERVICE_UNAVAILABLE", f"{self._where}: {self._gone}")
        return [_delivery(one) for one in found]

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge, and wait until the server has heard it."""
        with told(self._where):
            for one in deliveries:
                await self._client.publish(str(one.mark), b"+ACK")
            await self._client.flush()

    async def aclose(self, open_: Sequence[Delivery]) -> None:
        """Hear no more, and refuse what is not acknowledged: it comes again at once."""
        if self._client.is_closed:
            return
        with told(self._where):
            await self._heard.unsubscribe()
            for one in open_:
                await self._client.publish(str(one.mark), b"-NAK")
            await self._client.flush()

    async def _at_once(self, most: int) -> list[Msg]:
        reply = await self._ask({"batch": most, "no_wait": True})
        found: list[Msg] = []
        while len(found) < most:
            heard = await self._heard.next_msg(timeout=_CONNECT_S)
            if not self._is_status(heard):
                found.append(heard)
            elif heard.subject == reply:
                break
        return found

    async def _first(self, wait_ms: int) -> Msg | None:
        reply = await self._ask({"batch": 1, "expires": wait_ms * 1_000_000})
        while True:
            heard = await self._heard.next_msg(timeout=wait_ms / 1000 + _CONNECT_S)
            if not self._is_status(heard):
                return heard
            if heard.subject == reply:
                return None

    async def _ask(self, request: dict[str, int | bool]) -> str:
        self._asked += 1
        reply = f"{self._inbox}.{self._asked}"
        await self._client.publish(self._pull, msgspec.json.encode(request), reply=reply)
        return reply

    def _is_status(self, heard: Msg) -> bool:
        """Tell a status from a message, and keep in mind one that tells of the end."""
        headers = heard.headers
        if headers is None or _STATUS not in headers or heard.reply:
            return False
        self._gone = self._gone or _end_in(headers)
        return True


def _refuse_too_large(client: Client, headers: dict[str, str], body: bytes) -> None:
    """Raise `MaxPayloadError` for what the server would hang up on: it counts the headers too."""
    lines = ["NATS/1.0", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    if len("\r\n".join(lines).encode()) + len(body) > client.max_payload:
        raise MaxPayloadError


def _end_in(headers: dict[str, str]) -> str | None:
    """Return why nothing will ever come, where a status says so.

    >>> _end_in({"Status": "409", "Description": "Consumer Deleted"})
    'Consumer Deleted'
    >>> _end_in({"Status": "404", "Description": "No Messages"})
    """
    said = headers.get("Description", "")
    if headers[_STATUS] == "503":
        return "nobody answers for the consumer"
    return said if said.startswith("Consumer ") else None


def _delivery(message: Msg) -> Delivery:
    about = message.metadata
    given = {name: value for name, value in (message.headers or {}).items() if name not in _OURS}
    headers, key = key_of(given)
    return Delivery(
        id=f"{about.stream}:{about.sequence.stream}",
        body=message.data,
        mark=message.reply,
        key=key,
        headers=headers,
        deliveries=about.num_delivered,
        published_at_ms=int(about.timestamp.timestamp() * 1000),
        repeats=True,
    )


async def _answered(client: Client) -> None:
    """Tell those who wait for an answer that the line is cut: the client would let them wait."""
    asked = cast("dict[str, asyncio.Future[Msg]]", client._resp_map)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]
    flushed = cast("list[asyncio.Future[bool]]", client._pongs)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]
    for waiting in (*asked.values(), *flushed):
        if not waiting.done():
            waiting.set_exception(ConnectionClosedError())


async def _left(client: Client) -> None:
    """Close a client that is not connected; where TLS has failed it would wait for ever."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL_S):
            await client.close()


async def _unheard(_: Exception) -> None:
    """Whoever calls is told what went wrong; the client need not print it too."""
