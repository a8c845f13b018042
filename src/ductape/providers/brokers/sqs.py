"""Amazon SQS, by boto3 in threads: standard and FIFO queues, long polling.

A topic's name is a queue's name or its URL. Headers and the key travel as message attributes, of
which SQS takes ten. A FIFO queue (`.fifo`) drops repeats by the message's id and keeps the order of
each key. A queue knows no groups: whoever subscribes shares it. A message's id is SQS's own.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false
# boto3 makes its clients while it runs and has no annotations.

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from ductape.domain.definitions.broker import BrokerServer, BrokerTopic
from ductape.domain.egress import Destination
from ductape.errors import ProviderError
from ductape.ports.broker import Delivery, Outgoing
from ductape.providers.brokers.link import KEY_HEADER, Means, key_of
from ductape.providers.brokers.marks import fitting
from ductape.providers.brokers.reaching import checked
from ductape.providers.brokers.sqs_faults import told

T = TypeVar("T")

MOST_ATTRIBUTES = 10
LONGEST_MARK = 128
MOST_AT_ONCE = 10
"""Messages that SQS gives, and takes acknowledged, in one call."""

_THREADS = 16
_CONNECT_S = 10
_READ_S = 30
_LONGEST_WAIT_S = 20
_LEAST_HIDDEN_S = 1
_PORTS = {"http": 80, "https": 443}


class SqsClient(Protocol):
    """The part of boto3's client that is used here; each call blocks."""

    def get_queue_url(self, *, QueueName: str) -> dict[str, Any]: ...  # noqa: D102, N803 (boto3's)

    def send_message(self, **parts: object) -> dict[str, Any]: ...  # noqa: D102 (boto3's)

    def receive_message(self, **parts: object) -> dict[str, Any]: ...  # noqa: D102 (boto3's)

    def delete_message_batch(self, **parts: object) -> dict[str, Any]: ...  # noqa: D102 (boto3's)

    def change_message_visibility(self, **parts: object) -> object: ...  # noqa: D102 (boto3's)

    def close(self) -> None: ...  # noqa: D102 (boto3's)


def connect(server: BrokerServer, means: Means) -> "SqsLink":
    """Make a link; it calls when used."""
    return SqsLink(server, means)


class SqsLink:
    """Implements `link.Link`."""

    def __init__(self, server: BrokerServer, means: Means) -> None:
        """Take where the service is and who we are there."""
        self._server = server
        self._means = means
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="ductape-sqs")
        self._client: SqsClient | None = None
        self._urls: dict[str, str] = {}
        self._opening = asyncio.Lock()

    async def publish(self, topic: BrokerTopic, message: Outgoing) -> str:
        """Send; SQS has stored the message once it answers."""
        attributes = _attributes(message)
        url = await self.url_of(topic)
        parts: dict[str, object] = {"QueueUrl": url, "MessageBody": _body(message)}
        if attributes:
            parts["MessageAttributes"] = attributes
        if topic.name.endswith(".fifo"):
            parts["MessageDeduplicationId"] = fitting(message.id, LONGEST_MARK)
            parts["MessageGroupId"] = fitting(message.key or "all", LONGEST_MARK)
        answer = await self.call(lambda client: client.send_message(**parts))
        return cast("str", answer["MessageId"])

    async def feed(self, topic: BrokerTopic, group: str, member: str) -> "SqsFeed":  # noqa: ARG002 (a queue has no groups)
        """Begin to poll."""
        return SqsFeed(self, await self.url_of(topic), topic)

    async def aclose(self) -> None:
        """Let calls under way end by themselves; no new one is made."""
        client, self._client = self._client, None
        if client is not None:
            client.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def call(self, ask: Callable[[SqsClient], T]) -> T:
        """Call the service in a thread, once its address has been checked."""
        client = await self._connected()
        loop = asyncio.get_running_loop()
        with told():
            return await loop.run_in_executor(self._threads, ask, client)

    async def url_of(self, topic: BrokerTopic) -> str:
        """Return a queue's URL, asked for once; one that is given must be at the service."""
        if "://" in topic.name:
            return topic.name
        if topic.name not in self._urls:
            name = topic.name
            found = await self.call(lambda client: client.get_queue_url(QueueName=name))
            self._urls[name] = cast("str", found["QueueUrl"])
        return self._urls[topic.name]

    async def _connected(self) -> SqsClient:
        async with self._opening:
            endpoint = await self._checked()
            if self._client is None:
                loop = asyncio.get_running_loop()
                with told():
                    self._client = await loop.run_in_executor(self._threads, self._made, endpoint)
            return cast("SqsClient", self._client)

    async def _checked(self) -> str:
        """Return where the service is called: a plain one by the address that was checked."""
        server = self._server
        endpoint = server.endpoint or f"https://sqs.{server.region}.amazonaws.com"
        parts = urlsplit(endpoint)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ProviderError("VALIDATION_ERROR", "an endpoint is an http or https URL")
        port = parts.port or _PORTS[parts.scheme]
        destination = Destination(parts.hostname, port, server.allow_private)
        address = await checked(self._means.policy, destination)
        if parts.scheme == "https":
            return endpoint
        host = f"[{address}]" if ":" in address else address
        return f"http://{host}:{port}"

    def _made(self, endpoint: str) -> SqsClient:
        """Make the client: credentials come from the definition alone, never from this host."""
        server = self._server
        if server.access_key_id is None or server.secret_access_key is None:
            raise ProviderError(
                "UNAUTHORIZED", "SQS needs an access_key_id and a secret_access_key"
            )
        session = boto3.session.Session()
        client = session.client(
            "sqs",
            region_name=server.region,
            endpoint_url=endpoint,
            aws_access_key_id=server.access_key_id,
            aws_secret_access_key=server.secret_access_key,
            aws_session_token=server.session_token,
            config=Config(
                connect_timeout=_CONNECT_S,
                read_timeout=_READ_S,
                retries={"total_max_attempts": 1},
                max_pool_connections=_THREADS,
                proxies={},
            ),
        )
        return cast("SqsClient", client)


class SqsFeed:
    """Implements `link.Feed`."""

    def __init__(self, link: SqsLink, url: str, topic: BrokerTopic) -> None:
        """Poll one queue."""
        self._link = link
        self._url = url
        self._hidden_s = max(topic.ack_wait // 1000, _LEAST_HIDDEN_S)
        self._asking: asyncio.Future[dict[str, Any]] | None = None

    async def fetch(self, most: int, wait_ms: int) -> Sequence[Delivery]:
        """Return what is there, ten at most; SQS waits in whole seconds."""
        parts: dict[str, object] = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": min(most, MOST_AT_ONCE),
            "WaitTimeSeconds": min(-(-wait_ms // 1000), _LONGEST_WAIT_S),
            "VisibilityTimeout": self._hidden_s,
            "AttributeNames": ["ApproximateReceiveCount", "SentTimestamp", "MessageGroupId"],
            "MessageAttributeNames": ["All"],
        }
        asked = self._link.call(lambda client: client.receive_message(**parts))
        self._asking = asyncio.ensure_future(asked)
        # A call in a thread goes on when nobody waits for it any longer: `aclose` hears it out.
        found = _deliveries(await asyncio.shield(self._asking))
        self._asking = None
        return found

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        """Delete; raises where some could not be."""
        for first in range(0, len(deliveries), MOST_AT_ONCE):
            await self._delete(deliveries[first : first + MOST_AT_ONCE])

    async def aclose(self, open_: Sequence[Delivery]) -> None:
        """Hear out a call under way, and let all that is not acknowledged come again at once."""
        asking, self._asking = self._asking, None
        late = [] if asking is None else _deliveries(await asking)
        for one in (*open_, *late):
            parts = {"QueueUrl": self._url, "ReceiptHandle": one.mark, "VisibilityTimeout": 0}
            await self._link.call(partial(_hidden, parts=parts))

    async def _delete(self, deliveries: Sequence[Delivery]) -> None:
        entries = [{"Id": str(at), "ReceiptHandle": one.mark} for at, one in enumerate(deliveries)]
        parts: dict[str, object] = {"QueueUrl": self._url, "Entries": entries}
        answer = await self._link.call(lambda client: client.delete_message_batch(**parts))
        if failed := answer.get("Failed"):
            text = f"SQS did not delete {len(failed)} of {len(entries)} messages"
            raise ProviderError("PROVIDER_ERROR", text)


def _attributes(message: Outgoing) -> dict[str, object]:
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


def _hidden(client: SqsClient, parts: Mapping[str, object]) -> None:
    client.change_message_visibility(**parts)


def _deliveries(answer: Mapping[str, Any]) -> list[Delivery]:
    return [_delivery(one) for one in cast("list[dict[str, Any]]", answer.get("Messages", []))]


def _delivery(message: Mapping[str, Any]) -> Delivery:
    about: Mapping[str, str] = message.get("Attributes", {})
    attributes: Mapping[str, Mapping[str, str]] = message.get("MessageAttributes", {})
    given = {name: one.get("StringValue", "") for name, one in attributes.items()}
    headers, key = key_of(given)
    sent = about.get("SentTimestamp")
    return Delivery(
        id=str(message["MessageId"]),
        body=str(message.get("Body", "")).encode(),
        mark=message["ReceiptHandle"],
        key=key or about.get("MessageGroupId"),
        headers=headers,
        deliveries=int(about.get("ApproximateReceiveCount", 1)),
        published_at_ms=None if sent is None else int(sent),
    )
