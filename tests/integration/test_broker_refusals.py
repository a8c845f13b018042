"""Brokers that are well and say no: wrong credentials, too much asked, messages too large."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
import nats as nats_client
import pytest
from aiohttp import web
from nats.js.api import DiscardPolicy, StreamConfig
from redis.asyncio import Redis

from ductape.domain.definitions.broker import BrokerServer, BrokerType
from ductape.errors import ProviderError
from tests.integration.brokering import KINDS, SECRET, caller, failure_of, is_retried, server_at
from tests.integration.brokers_behind import behind
from tests.servers.http import http_receiver
from tests.servers.nats import nats_server
from tests.servers.talking import talking
from tests.servers.valkey import valkey

CALLS = ("publish", "fetch")
WRONG = {"username": "ductape", "password": SECRET}


@asynccontextmanager
async def guarded(
    kind: BrokerType, folder: Path, shared: Callable[[str], str]
) -> AsyncIterator[BrokerServer]:
    """Run a broker that does not know who we say that we are."""
    match kind:
        case "redis":
            async with valkey(folder, password="another one") as server:
                yield server_at(kind, server.port, **WRONG)
        case "nats":
            async with nats_server(folder, password="another one") as server:
                yield server_at(kind, server.port, **WRONG)
        case "rabbitmq":
            yield server_at(kind, 0, url=shared("rabbitmq_url"), **WRONG)
        case "kafka":
            async with talking(unauthenticated) as server:
                yield server_at(kind, server.port, sasl="PLAIN", **WRONG)
        case _:
            async with http_receiver() as server:
                server.answers += [refused_by(kind)] * 2
                more: dict[str, object] = {"credentials": "{}"} if kind == "pubsub" else {}
                yield server_at(kind, 0, endpoint=server.url, **more)


def refused_by(kind: BrokerType) -> web.Response:
    """Answer as Amazon and Google do to whom they do not know, the secret said again."""
    if kind == "sqs":
        said = {"__type": "com.amazon.coral.service#InvalidClientTokenId", "message": SECRET}
        return web.json_response(said, status=403)
    error = {"code": 401, "status": "UNAUTHENTICATED", "message": SECRET}
    return web.json_response({"error": error}, status=401)


async def unauthenticated(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak as much of Kafka as it takes to refuse a user: librdkafka's mock knows none."""
    while size := await reader.read(4):
        (length,) = struct.unpack(">i", size)
        asked = await reader.readexactly(length)
        api, _, number = struct.unpack(">hhi", asked[:8])
        answer = struct.pack(">i", number) + SASL_ANSWERS[api]
        writer.write(struct.pack(">i", len(answer)) + answer)


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


SASL_ANSWERS = {
    # ApiVersions: no error, and the two that follow, in their first two versions.
    18: struct.pack(">hi", 0, 3) + b"".join(struct.pack(">hhh", api, 0, 1) for api in (17, 18, 36)),
    17: struct.pack(">hi", 0, 1) + _text("PLAIN"),
    36: struct.pack(">h", 58)
    + _text(f"Authentication failed: {SECRET}")
    + struct.pack(">iq", 0, 0),
}
"""By Kafka's number of the request."""


@pytest.mark.parametrize("what", CALLS)
@pytest.mark.parametrize("kind", KINDS)
async def test_wrong_credentials(
    request: pytest.FixtureRequest, tmp_path: Path, kind: BrokerType, what: str
) -> None:
    async with (
        guarded(kind, tmp_path, request.getfixturevalue) as server,
        caller(server) as calling,
    ):
        error = await failure_of(calling, what)
    assert error.code == "UNAUTHORIZED"
    assert not is_retried(error)


async def full_redis(port: int, topic: str) -> None:  # noqa: ARG001 (all of it)
    async with Redis(port=port) as redis:
        await redis.config_set("maxmemory", "1")


async def full_rabbitmq(port: int, topic: str) -> None:
    """Make the queue one that takes no more than a message."""
    async with (
        await aio_pika.connect(f"amqp://127.0.0.1:{port}") as connection,
        connection.channel() as channel,
    ):
        rules = {"x-max-length": 1, "x-overflow": "reject-publish"}
        await channel.declare_queue(topic, durable=True, arguments=rules)
        await channel.default_exchange.publish(aio_pika.Message(b"first"), topic)


async def full_nats(port: int, topic: str) -> None:
    """Make the stream one that takes no more than a message."""
    client = await nats_client.connect(f"nats://127.0.0.1:{port}")
    stream = client.jetstream()
    rules = StreamConfig("full", subjects=[topic], max_msgs=1, discard=DiscardPolicy.NEW)
    await stream.add_stream(rules)
    await stream.publish(topic, b"first")
    await client.close()


FULL = {"redis": full_redis, "rabbitmq": full_rabbitmq, "nats": full_nats}
"""Kafka has no such answer: it lets whoever asks too much wait."""


@pytest.mark.parametrize("kind", FULL)
async def test_a_broker_that_is_full(
    request: pytest.FixtureRequest, tmp_path: Path, kind: BrokerType
) -> None:
    async with behind(kind, tmp_path, request.getfixturevalue) as broker:
        await FULL[kind](broker.proxy.port, broker.topic)
        async with caller(broker.server, topic=broker.topic) as calling:
            error = await failure_of(calling, "publish")
    assert error.code == "SERVICE_UNAVAILABLE"
    assert is_retried(error)


def limited_by(kind: BrokerType) -> web.Response:
    """Answer as Amazon and Google do to whoever asks too often."""
    wait = {"Retry-After": "7"}
    if kind == "sqs":
        said = {"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow down"}
        return web.json_response(said, status=400, headers=wait)
    error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down"}
    return web.json_response({"error": error}, status=429, headers=wait)


@pytest.mark.parametrize("what", CALLS)
@pytest.mark.parametrize("kind", ["sqs", "pubsub"])
async def test_too_much_is_asked(kind: BrokerType, what: str) -> None:
    async with http_receiver() as server:
        server.answers.append(limited_by(kind))
        async with caller(server_at(kind, 0, endpoint=server.url)) as calling:
            error = await failure_of(calling, what)
    assert error.code == "RATE_LIMITED"
    assert error.retry_after_ms == 7_000
    assert is_retried(error)


REFUSES = {"nats", "kafka", "sqs"}
"""Who takes no message of 1.2 MB, unless it is set up so."""


@pytest.mark.parametrize("kind", KINDS)
async def test_a_message_that_is_huge(
    request: pytest.FixtureRequest, tmp_path: Path, kind: BrokerType
) -> None:
    huge = b'"' + b"x" * 1_200_000 + b'"'
    async with (
        behind(kind, tmp_path, request.getfixturevalue) as broker,
        caller(broker.server, topic=broker.topic) as calling,
    ):
        if kind in REFUSES:
            with pytest.raises(ProviderError) as caught:
                await calling.publish(huge, timeout_s=5)
            assert caught.value.code == "VALIDATION_ERROR"
            assert len(str(caught.value)) < 500
        else:
            if kind == "pubsub":
                await calling.fetch(wait_ms=1)  # Before it there is no subscription.
            await calling.publish(huge, timeout_s=5)
            (found,) = await calling.fetch(wait_ms=5_000)
            assert found.body == huge


async def test_to_nats_headers_count_as_the_message_does(tmp_path: Path) -> None:
    whole = b"x" * 1_048_576  # What a server takes by default, headers and all.
    async with (
        behind("nats", tmp_path, str) as broker,
        caller(broker.server, topic=broker.topic) as calling,
    ):
        with pytest.raises(ProviderError) as caught:
            await calling.publish(whole, timeout_s=5)
        assert caught.value.code == "VALIDATION_ERROR"
        await calling.publish(b"on the same line", timeout_s=5)
        (found,) = await calling.fetch(wait_ms=5_000)
        assert found.body == b"on the same line"
