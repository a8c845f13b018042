"""Google Pub/Sub's REST API as it is published, and its token service: a stand-in, not Google.

It checks what Google checks of a request's form (paths, base64, known topics, the bearer token, the
assertion's signature) and refuses all else, so that a wrong request cannot pass.
"""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import unused_port
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey

PROJECT = "shop-project"
LARGEST_REQUEST = 10_000_000
"""Bytes, as Google has it."""
_V1 = f"/v1/projects/{PROJECT}"
DELETED = "_deleted-topic_"
"""What Google says instead of a subscription's topic that is no more."""


@dataclass
class _Subscription:
    topic: str
    waiting: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    out: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])


@dataclass
class PubSub:
    """A running stand-in."""

    url: str = ""
    topics: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    subscriptions: dict[str, _Subscription] = field(default_factory=dict[str, _Subscription])
    token: str = "ya29.first"
    tokens_given: int = 0
    answers: list[web.Response] = field(default_factory=list[web.Response])
    """Given instead, one by one."""
    count: int = 0
    pulling: int = 0
    """Pulls that wait for a message."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Make the service account's key."""
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)

    @property
    def key_file(self) -> str:
        """The service account's key file, as Google makes it."""
        pem = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return json.dumps(
            {
                "type": "service_account",
                "project_id": PROJECT,
                "private_key_id": "k1",
                "private_key": pem.decode(),
                "client_email": "ductape@shop-project.iam.gserviceaccount.com",
                "token_uri": f"{self.url}/token",
            }
        )

    def delete_topic(self, topic: str) -> None:
        """Delete a topic as Google does: its subscriptions stay, and no new one leads to them."""
        del self.topics[topic]
        for one in self.subscriptions.values():
            if one.topic == topic:
                one.topic = DELETED

    async def give_token(self, request: web.Request) -> web.Response:
        """Exchange an assertion for a token, its signature and claims checked."""
        form = await request.post()
        public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        claims = jwt.decode(str(form["assertion"]), RSAKey.import_key(public)).claims
        good = (
            form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            and claims["aud"] == f"{self.url}/token"
            and claims["scope"] == "https://www.googleapis.com/auth/pubsub"
            and claims["iat"] <= time.time() + 5 < claims["exp"]
        )
        if not good:
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.tokens_given += 1
        return web.json_response({"access_token": self.token, "expires_in": 3_599})

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one call of the API."""
        if self.answers:
            return self.answers.pop(0)
        return await self._api(request)

    async def _api(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "UNAUTHENTICATED")
        body: dict[str, Any] = await request.json() if request.can_read_body else {}
        path = request.path.removeprefix(f"{_V1}/")
        kind, _, rest = path.partition("/")
        name, _, verb = rest.partition(":")
        match (request.method, kind, verb):
            case ("POST", "topics", "publish"):
                return self._publish(name, body)
            case ("PUT" | "GET" | "DELETE" as method, "subscriptions", ""):
                return self._subscribe(name, body) if method == "PUT" else self._about(method, name)
            case ("POST", "subscriptions", "pull" | "acknowledge" | "modifyAckDeadline"):
                found = self.subscriptions.get(name)
                if found is None:
                    return _error(404, "NOT_FOUND")
                return await self._of_subscription(found, verb, body)
            case _:
                return _error(404, "NOT_FOUND")

    def _publish(self, topic: str, body: dict[str, Any]) -> web.Response:
        if topic not in self.topics:
            return _error(404, "NOT_FOUND")
        ids: list[str] = []
        for message in body["messages"]:
            base64.b64decode(message["data"], validate=True)
            self.count += 1
            ids.append(str(self.count))
            kept = {**message, "messageId": ids[-1], "publishTime": "2026-01-02T03:04:05.678901Z"}
            self.topics[topic].append(kept)
            for one in self.subscriptions.values():
                if one.topic == topic:
                    one.waiting.append(kept)
        self.arrived.set()
        return web.json_response({"messageIds": ids})

    def _subscribe(self, name: str, body: dict[str, Any]) -> web.Response:
        if name in self.subscriptions:
            return _error(409, "ALREADY_EXISTS")
        topic = str(body["topic"]).removeprefix(f"projects/{PROJECT}/topics/")
        if topic not in self.topics:
            return _error(404, "NOT_FOUND")
        assert 10 <= body["ackDeadlineSeconds"] <= 600
        self.subscriptions[name] = _Subscription(topic)
        return web.json_response({"name": name})

    def _about(self, method: str, name: str) -> web.Response:
        found = self.subscriptions.get(name)
        if found is None:
            return _error(404, "NOT_FOUND")
        if method == "DELETE":
            del self.subscriptions[name]
            return web.json_response({})
        topic = DELETED if found.topic == DELETED else f"projects/{PROJECT}/topics/{found.topic}"
        return web.json_response({"name": name, "topic": topic})

    async def _of_subscription(
        self, one: _Subscription, verb: str, body: dict[str, Any]
    ) -> web.Response:
        match verb:
            case "pull":
                at_once = bool(body.get("returnImmediately"))
                return await self._pull(one, int(body["maxMessages"]), at_once=at_once)
            case "acknowledge":
                for ack in body["ackIds"]:
                    one.out.pop(ack, None)
            case _:
                assert body["ackDeadlineSeconds"] == 0
                one.waiting += [one.out.pop(ack) for ack in body["ackIds"] if ack in one.out]
        return web.json_response({})

    async def _pull(self, one: _Subscription, most: int, *, at_once: bool) -> web.Response:
        while not (one.waiting or at_once):
            self.arrived.clear()
            self.pulling += 1
            try:
                await self.arrived.wait()
            finally:
                self.pulling -= 1
        received: list[dict[str, Any]] = []
        while one.waiting and len(received) < most:
            message = one.waiting.pop(0)
            self.count += 1
            one.out[f"ack-{self.count}"] = message
            received.append({"ackId": f"ack-{self.count}", "message": message})
        return web.json_response({"receivedMessages": received})


def _error(status: int, word: str) -> web.Response:
    error = {"code": status, "status": word, "message": "as it is"}
    return web.json_response({"error": error}, status=status)


@asynccontextmanager
async def pubsub(*topics: str) -> AsyncIterator[PubSub]:
    """Run one that has these topics."""
    port = unused_port()
    server = PubSub(url=f"http://127.0.0.1:{port}", topics={name: [] for name in topics})
    app = web.Application(client_max_size=LARGEST_REQUEST)
    app.router.add_post("/token", server.give_token)
    app.router.add_route("*", "/v1/{rest:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield server
    finally:
        await runner.cleanup()
