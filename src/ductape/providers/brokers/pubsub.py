"""Google Pub/Sub by its REST API (v1), over the guarded HTTP client.

Each group has a subscription of its own, `topic.group`, made where it is missing; topics are not
made. The key is the ordering key. With a service account's key file a token is fetched by a signed
assertion (RFC 7523) and kept until a minute before its end; without one, as with Google's emulator,
none is sent.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar, cast

import msgspec
from msgspec import Struct, field

from ductape.domain.definitions.broker import BrokerServer, BrokerTopic
from ductape.domain.http.answer import Answer, refuse_status
from ductape.domain.http.tokens import AccountGrant
from ductape.domain.jsonvalue import UNREADABLE, JsonObject, JsonValue
from ductape.errors import ProviderError
from ductape.ports.broker import Delivery, Outgoing
from ductape.ports.http import HttpRequest, HttpResponse
from ductape.ports.tokens import TokenWish
from ductape.providers.brokers.link import Means

GOOGLE = "https://pubsub.googleapis.com"
MOST_AT_ONCE = 1_000
LARGEST_ANSWER = 16_777_216

_CALL_MS = 30_000
_PULL_MS = 60_000
_DEADLINES_S = (10, 600)
"""How long Pub/Sub may be asked to wait for an acknowledgement."""
_EXISTS = 409
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_MISSING = 404
_DELETED = "_deleted-topic_"
"""What Google says instead of a subscription's topic that is no more."""


class _Message(Struct):
    """As Pub/Sub writes one."""

    messageId: str  # noqa: N815 (Google's)
    data: str = ""
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    orderingKey: str | None = None  # noqa: N815 (Google's)
    publishTime: str | None = None  # noqa: N815 (Google's)


class _Received(Struct):
    ackId: str  # noqa: N815 (Google's)
    message: _Message
    deliveryAttempt: int = 1  # noqa: N815 (Google's)


class _Pulled(Struct):
    receivedMessages: tuple[_Received, ...] = ()  # noqa: N815 (Google's)


class _Subscription(Struct):
    topic: str = ""


class _Ids(Struct):
    messageIds: tuple[str, ...]  # noqa: N815 (Google's)


T = TypeVar("T", _Ids, _Pulled, _Subscription)

SCOPE = "https://www.googleapis.com/auth/pubsub"


def connect(server: BrokerServer, means: Means) -> "PubSubLink":
    """Make a link; it calls when used."""
    return PubSubLink(server, means)


def _wish(server: BrokerServer, key_file: str) -> TokenWish:
    grant = AccountGrant(key_file, scope=SCOPE)
    private = server.allow_private
    return TokenWish("", "", "the broker's service account", grant, allow_private=private)


class PubSubLink:
    """Implements `link.Link`."""

    where = "Pub/Sub"
    trust = None

    def __init__(self, server: BrokerServer, means: Means) -> None:
        """Take where the service is and who we are there."""
        self._server = server
        self._means = means
        self._base = f"{(server.endpoint or GOOGLE).rstrip('/')}/v1/projects/{server.project}"
        self._wish = None if server.credentials is None else _wish(server, server.credentials)

    async def publish(self, topic: BrokerTopic, message: Outgoing) -> str:
        """Publish; Pub/Sub has stored the message once it answers."""
        sent: JsonObject = {
            "data": b64encode(message.body).decode(),
            "attributes": cast("JsonValue", message.headers),
        }
        if message.key is not None:
            sent["orderingKey"] = message.key
        response = await self.call("POST", f"topics/{topic.name}:publish", {"messages": [sent]})
        return _read(response, _Ids).messageIds[0]

    async def feed(self, topic: BrokerTopic, group: str, member: str) -> "PubSubFeed":  # noqa: ARG002 (a group's members are alike)
        """Make the group's subscription where it is missing, and begin to pull."""
        name = f"subscriptions/{topic.name}.{group}"
        least, most = _DEADLINES_S
        wanted: JsonObject = {
            "topic": f"projects/{self._server.project}/topics/{topic.name}",
            "ackDeadlineSeconds": min(max(topic.ack_wait // 1000, least), most),
        }
        made = await self.call("PUT", name, wanted, allowed=_EXISTS)
        feed = PubSubFeed(self, name)
        if made.status == _EXISTS and await self.is_deaf(name) and not await feed.has_rest():
            # Nothing is left in it, and a topic that is made anew does not know it.
            await self.call("DELETE", name, allowed=_MISSING)
            await self.call("PUT", name, wanted, allowed=_EXISTS)
        return feed

    async def is_deaf(self, name: str) -> bool:
        """Tell whether a subscription's topic was deleted; no where we may not look."""
        response = await self.call("GET", name, allowed=_FORBIDDEN)
        if response.status == _FORBIDDEN:
            return False
        return _read(response, _Subscription).topic == _DELETED

    async def aclose(self) -> None:
        """Nothing of its own is open: the connections are the HTTP client's."""

    async def call(
        self,
        method: str,
        path: str,
        body: JsonObject | None = None,
        *,
        allowed: int | None = None,
        timeout_ms: int = _CALL_MS,
    ) -> HttpResponse:
        """Call the service; raises `ProviderError` for every other status than is allowed."""
        headers = {"Content-Type": "application/json"}
        secrets: tuple[str, ...] = ()
        if self._wish is not None:
            token = await self._means.tokens.get(self._wish)
            headers["Authorization"], secrets = f"Bearer {token}", (token,)
        response = await self._means.http.send(
            HttpRequest(
                method=method,
                url=f"{self._base}/{path}",
                headers=headers,
                body=b"" if body is None else msgspec.json.encode(body),
                timeout_ms=timeout_ms,
                allow_private=self._server.allow_private,
                max_response_bytes=LARGEST_ANSWER,
            )
        )
        if response.status == _UNAUTHORIZED:
            for token in secrets:
                self._means.tokens.drop(token)
        if response.status != allowed:
            answer = Answer(response.status, response.headers, response.body)
            now_ms = self._means.clock.now_ms()
            refuse_status(answer, asked=f"{method} {path}", now_ms=now_ms, secrets=secrets)
        return response


class PubSubFeed:
    """Implements `link.Feed`."""

    def __init__(self, link: PubSubLink, name: str) -> None:
        """Pull one subscription."""
        self._link = link
        self._name = name
        self._pulling: asyncio.Task[list[Delivery]] | None = None
        """Goes on from one fetch to the next: what an abandoned one brings comes late again."""
        self._surplus: list[Delivery] = []

    async def fetch(self, most: int, wait_ms: int) -> Sequence[Delivery]:
        """Return what is there; the service waits by itself, and we no longer than asked."""
        if not self._surplus:
            pulling = self._pulling = self._pulling or asyncio.ensure_future(self._pull(most))
            done, _ = await asyncio.wait([pulling], timeout=wait_ms / 1000)
            if done:
                self._pulling = None
                self._surplus = pulling.result()
        found, self._surplus = self._surplus[:most], self._surplus[most:]
        return found

    async def has_rest(self) -> bool:
        """Tell whether something is left, and keep what is there at once for the next fetch."""
        self._surplus = await self._pull(MOST_AT_ONCE, at_once=True)
        return bool(self._surplus)

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge."""
        ids = _marks(deliveries)
        await self._link.call("POST", f"{self._name}:acknowledge", {"ackIds": ids})

    async def aclose(self, open_: Sequence[Delivery]) -> None:
        """Let what is not acknowledged come again at once."""
        if self._pulling is not None:
            self._pulling.cancel()
            await asyncio.gather(self._pulling, return_exceptions=True)
        left = [*open_, *self._surplus]
        if left:
            asked: JsonObject = {"ackIds": _marks(left), "ackDeadlineSeconds": 0}
            await self._link.call("POST", f"{self._name}:modifyAckDeadline", asked)

    async def _pull(self, most: int, *, at_once: bool = False) -> list[Delivery]:
        wanted: JsonObject = {"maxMessages": min(most, MOST_AT_ONCE)}
        if at_once:
            wanted["returnImmediately"] = True
        try:
            response = await self._link.call(
                "POST", f"{self._name}:pull", wanted, timeout_ms=_PULL_MS
            )
        except ProviderError as error:
            if error.code != "TIMEOUT":
                raise
            found: list[Delivery] = []
        else:
            found = [_delivery(one) for one in _read(response, _Pulled).receivedMessages]
        if not (found or at_once) and await self._link.is_deaf(self._name):
            # Google goes on to answer that there is nothing.
            topic = self._name.removeprefix("subscriptions/")
            text = f"Pub/Sub: the topic of the subscription `{topic}` was deleted"
            raise ProviderError("NOT_FOUND", text)
        return found


def _read(response: HttpResponse, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(response.body or b"{}", type=kind)
    except UNREADABLE as error:
        text = "Pub/Sub answered with something that cannot be read"
        raise ProviderError("PROVIDER_ERROR", text) from error


def _marks(deliveries: Sequence[Delivery]) -> list[JsonValue]:
    return [str(one.mark) for one in deliveries]


def _delivery(received: _Received) -> Delivery:
    message = received.message
    try:
        body = b64decode(message.data, validate=True)
    except ValueError as error:
        raise ProviderError("PROVIDER_ERROR", "Pub/Sub sent a message without base64") from error
    return Delivery(
        id=message.messageId,
        body=body,
        mark=received.ackId,
        key=message.orderingKey or None,
        headers=message.attributes,
        deliveries=max(received.deliveryAttempt, 1),
        published_at_ms=_instant(message.publishTime),
    )


def _instant(text: str | None) -> int | None:
    """Read RFC 3339 as Google writes it, with up to nine digits of a second."""
    if text is None:
        return None
    whole, _, fraction = text.removesuffix("Z").partition(".")
    try:
        at = datetime.fromisoformat(f"{whole}+00:00")
        return int(at.timestamp()) * 1000 + int((fraction + "000")[:3])
    except ValueError:
        return None
