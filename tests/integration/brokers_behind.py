"""A real broker of each kind behind a line that can be made bad."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ductape.domain.definitions.broker import BrokerServer, BrokerType
from tests.integration.brokering import SECRET, server_at
from tests.servers.kafka import before_kafka, mock_kafka
from tests.servers.nats import nats_server
from tests.servers.proxy import Proxy
from tests.servers.pubsub import pubsub
from tests.servers.sqs import make_queues
from tests.servers.valkey import valkey

Shared = Callable[[str], str]
"""Gives what a session's fixture of that name says."""


@dataclass(frozen=True)
class Behind:
    """A broker, the line before it, and a topic of its that is nobody else's."""

    kind: BrokerType
    proxy: Proxy
    server: BrokerServer
    topic: str


@asynccontextmanager
async def behind(kind: BrokerType, folder: Path, shared: Shared) -> AsyncIterator[Behind]:
    """Run one, or a line of its own before the one that serves the session."""
    topic = f"orders-{folder.name}"
    if kind == "kafka":
        with mock_kafka() as cluster:
            async with before_kafka(cluster) as proxy:
                yield Behind(kind, proxy, server_at(kind, proxy.port), topic)
        return
    async with _port_of(kind, folder, shared, topic) as port:
        proxy = Proxy(port)
        await proxy.open()
        more: dict[str, object] = {"credentials": "{}"} if kind == "pubsub" else {}
        try:
            yield Behind(kind, proxy, server_at(kind, proxy.port, **more), topic)
        finally:
            await proxy.aclose()


@asynccontextmanager
async def _port_of(
    kind: BrokerType, folder: Path, shared: Shared, topic: str
) -> AsyncIterator[int]:
    match kind:
        case "redis":
            async with valkey(folder) as server:
                yield server.port
        case "nats":
            async with nats_server(folder) as server:
                yield server.port
        case "rabbitmq":
            yield _port(shared("rabbitmq_url"))
        case "sqs":
            endpoint = shared("sqs_endpoint")
            await make_queues(endpoint, topic.removeprefix("orders"))
            yield _port(endpoint)
        case _:
            async with pubsub(topic) as server:
                server.token = SECRET
                yield _port(server.url)


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
