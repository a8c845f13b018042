"""Brokers that are well and say no: wrong credentials, too much asked, messages too large."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
import nats as nats_client
import pytest
from aiohttp import web
from nats.js.api import DiscardPolicy, StreamConfig
from redis.asyncio import Redis

from ductape.domain.definitions.broker import BrokerServer, BrokerType
from tests.integration.brokering import KINDS, SECRET, caller, failure_of, is_retried, server_at
from tests.integration.brokers_behind import behind
from tests.servers.http import Receiver, http_receiver
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
    assert error.provider_code == "UNAUTHORIZED"
    assert not is_retried(error)
