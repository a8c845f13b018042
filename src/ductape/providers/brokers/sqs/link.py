"""Amazon SQS by its JSON protocol, over the guarded HTTP client: standard and FIFO queues.

A topic's name is a queue's name or its URL, which is told to the service and never called. Headers
and the key travel as message attributes, of which SQS takes ten. A FIFO queue (`.fifo`) drops
repeats by the message's id and keeps the order of each key. A queue knows no groups: whoever
subscribes shares it. A message's id is SQS's own.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from ductape.domain.definitions.broker import BrokerServer, BrokerTopic
from ductape.domain.http.aws import AwsKeys, Signable, sendable, signed_headers
from ductape.domain.jsonvalue import UNREADABLE, JsonObject, JsonValue
from ductape.errors import ProviderError
from ductape.ports.broker import Delivery, Outgoing
from ductape.ports.http import HttpRequest
from ductape.providers.brokers.link import KEY_HEADER, Means, key_of
from ductape.providers.brokers.marks import fitting
from ductape.providers.brokers.sqs.faults import refuse

MOST_ATTRIBUTES = 10
LONGEST_MARK = 128
MOST_AT_ONCE = 10
"""Messages that SQS gives, and takes acknowledged, in one call."""
LARGEST_ANSWER = 33_554_432
"""Bytes: ten of the largest messages, each of their characters escaped, are fewer."""

_CALL_MS = 30_000
_LONGEST_WAIT_S = 20
_LEAST_HIDDEN_S = 1
_HEARD_OUT_S = 0.5
"""How much longer than it was to wait an abandoned call is waited for."""
_TYPE = "application/x-amz-json-1.0"


class _Attribute(Struct):
    StringValue: str = ""


class _Message(Struct):
    """As SQS writes one."""

    MessageId: str
    ReceiptHandle: str
    Body: str = ""
    Attributes: dict[str, str] = field(default_factory=dict[str, str])
    MessageAttributes: dict[str, _Attribute] = field(default_factory=dict[str, _Attribute])


class _Received(Struct):
    Messages: tuple[_Message, ...] | None = None


class _Queue(Struct):
    QueueUrl: str


class _Sent(Struct):
    MessageId: str


class _Failed(Struct):
    Id: str


class _Deleted(Struct):
    Failed: tuple[_Failed, ...] | None = None


class _Nothing(Struct):
    """What is answered to a call that asks for nothing."""


T = TypeVar("T", _Received, _Queue, _Sent, _Deleted, _Nothing)


def connect(server: BrokerServer, means: Means) -> "SqsLink":
    """Make a link; it calls when used."""
    return SqsLink(server, means)


class SqsLink:
    """Implements `link.Link`."""

    where = "SQS"
    trust = None

    def __init__(self, server: BrokerServer, means: Means) -> None:
        """Take where the service is and who we are there."""
        self._server = server
        self._means = means
        self._at = sendable(server.endpoint or f"https://sqs.{server.region}.amazonaws.com")
        self._urls: dict[str, str] = {}

    async def publish(self, topic: BrokerTopic, message: Outgoing) -> str:
        """Send; SQS has stored the message once it answers."""
        attributes = _attributes(message)
        parts: JsonObject = {"QueueUrl": await self.url_of(topic), "MessageBody": _body(message)}
        if attributes:
            parts["MessageAttributes"] = attributes
        if topic.name.endswith(".fifo"):
            parts["MessageDeduplicationId"] = fitting(message.id, LONGEST_MARK)
            parts["MessageGroupId"] = fitting(message.key or "all", LONGEST_MARK)
        return (await self.call("SendMessage", parts, _Sent)).MessageId

    async def feed(self, topic: BrokerTopic, group: str, member: str) -> "SqsFeed":  # noqa: ARG002 (a queue has no groups)
        """Begin to poll."""
        return SqsFeed(self, await self.url_of(topic), topic)

    async def aclose(self) -> None:
        """Nothing of its own is open: the connections are the HTTP client's."""

    async def url_of(self, topic: BrokerTopic) -> str:
        """Return a queue's URL, asked for once."""
        if "://" in topic.name:
            return topic.name
        if topic.name not in self._urls:
            found = await self.call("GetQueueUrl", {"QueueName": topic.name}, _Queue)
            self._urls[topic.name] = found.QueueUrl
        return self._urls[topic.name]

    async def call(self, action: str, parts: JsonObject, kind: type[T], *, wait_s: int = 0) -> T:
        """Call the service, signed; raises `ProviderError`."""
        keys, body = self._keys(), msgspec.json.encode(parts)
        headers = {"Content-Type": _TYPE, "X-Amz-Target": f"AmazonSQS.{action}"}
        now_ms = self._means.clock.now_ms()
        headers |= signed_headers(Signable("POST", self._at, body, headers), keys, now_ms)
        response = await self._means.http.send(
            HttpRequest(
                method="POST",
                url=self._at,
                headers=headers,
                body=body,
                timeout_ms=_CALL_MS + wait_s * 1000,
                allow_private=self._server.allow_private,
                max_response_bytes=LARGEST_ANSWER,
            )
        )
        secrets = tuple(filter(None, (keys.secret_access_key, keys.session_token)))
        refuse(response, action, self._means.clock.now_ms(), secrets)
        try:
            return msgspec.json.decode(response.body or b"{}", type=kind)
        except UNREADABLE as error:
            text = f"SQS answered {action} with something that cannot be read"
            raise ProviderError("PROVIDER_ERROR", text) from error

    def _keys(self) -> AwsKeys:
        """Return whose calls these are: from the definition alone, never from this host."""
        server = self._server
        if server.access_key_id is None or server.secret_access_key is None:
            raise ProviderError(
                "UNAUTHORIZED", "SQS needs an access_key_id and a secret_access_key"
            )
        return AwsKeys(
            access_key_id=server.access_key_id,
            secret_access_key=server.secret_access_key,
            region=server.region or "",
            service="sqs",
            session_token=server.session_token,
        )


class SqsFeed:
    """Implements `link.Feed`."""

    def __init__(self, link: SqsLink, url: str, topic: BrokerTopic) -> None:
        """Poll one queue."""
        self._link = link
        self._url = url
        self._hidden_s = max(topic.ack_wait // 1000, _LEAST_HIDDEN_S)
        self._asking: asyncio.Task[list[Delivery]] | None = None
        self._until_s = 0.0

    async def fetch(self, most: int, wait_ms: int) -> Sequence[Delivery]:
        """Return what is there, ten at most; SQS waits in whole seconds."""
        wait_s = min(-(-wait_ms // 1000), _LONGEST_WAIT_S)
        self._until_s = asyncio.get_running_loop().time() + wait_s + _HEARD_OUT_S
        self._asking = asyncio.create_task(self._received(min(most, MOST_AT_ONCE), wait_s))
        # What an abandoned call brings would stay hidden for `ack_wait`: `aclose` hears it out.
        found = await asyncio.shield(self._asking)
        self._asking = None
        return found

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        """Delete; raises where some could not be."""
        for first in range(0, len(deliveries), MOST_AT_ONCE):
            await self._delete(deliveries[first : first + MOST_AT_ONCE])

    async def aclose(self, open_: Sequence[Delivery]) -> None:
        """Hear out a call under way, and let all that is not acknowledged come again at once."""
        for one in (*open_, *await self._heard_out()):
            parts: JsonObject = {"QueueUrl": self._url, "ReceiptHandle": str(one.mark)}
            parts["VisibilityTimeout"] = 0
            await self._link.call("ChangeMessageVisibility", parts, _Nothing)

    async def _heard_out(self) -> list[Delivery]:
        """Return what an abandoned call brings, waited for no longer than it was to take."""
        asking, self._asking = self._asking, None
        if asking is None:
            return []
        left_s = max(self._until_s - asyncio.get_running_loop().time(), 0)
        try:
            async with asyncio.timeout(left_s):
                return await asking
        except (TimeoutError, ProviderError):
            return []

    async def _received(self, most: int, wait_s: int) -> list[Delivery]:
        parts: JsonObject = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": most,
            "WaitTimeSeconds": wait_s,
            "VisibilityTimeout": self._hidden_s,
            "AttributeNames": ["ApproximateReceiveCount", "SentTimestamp", "MessageGroupId"],
            "MessageAttributeNames": ["All"],
        }
        answer = await self._link.call("ReceiveMessage", parts, _Received, wait_s=wait_s)
        return [_delivery(one) for one in answer.Messages or ()]

    async def _delete(self, deliveries: Sequence[Delivery]) -> None:
        entries: list[JsonValue] = [
            {"Id": str(at), "ReceiptHandle": str(one.mark)} for at, one in enumerate(deliveries)
        ]
        parts: JsonObject = {"QueueUrl": self._url, "Entries": entries}
        answer = await self._link.call("DeleteMessageBatch", parts, _Deleted)
        if answer.Failed:
            text = f"SQS did not delete {len(answer.Failed)} of {len(entries)} messages"
            raise ProviderError("PROVIDER_ERROR", text)


def _attributes(message: Outgoing) -> JsonObject:
    given = {name: value for name, value in message.headers.items() if value}
    if message.key is not None:
        given[KEY_HEADER] = message.key
    if len(given) > MOST_ATTRIBUTES:
        text = f"SQS takes {MOST_ATTRIBUTES} headers a message, the key and ours included"
        raise ProviderError("VALIDATION_ERROR", f"{text}; there are {len(given)}")
    return {name: {"DataType": "String", "StringValue": value} for name, value in given.items()}


def _body(message: Outgoing) -> str:
    try:
        return message.body.decode()
    except UnicodeDecodeError as error:
        raise ProviderError("VALIDATION_ERROR", "SQS takes texts only") from error


def _delivery(message: _Message) -> Delivery:
    given = {name: one.StringValue for name, one in message.MessageAttributes.items()}
    headers, key = key_of(given)
    about: Mapping[str, str] = message.Attributes
    return Delivery(
        id=message.MessageId,
        body=message.Body.encode(),
        mark=message.ReceiptHandle,
        key=key or about.get("MessageGroupId"),
        headers=headers,
        deliveries=_number(about.get("ApproximateReceiveCount")) or 1,
        published_at_ms=_number(about.get("SentTimestamp")),
    )


def _number(text: str | None) -> int | None:
    return int(text[:15]) if text and text.isascii() and text.isdigit() else None
