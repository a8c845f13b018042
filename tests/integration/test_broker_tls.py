"""Brokers that speak TLS: their certificates are checked, and what is wrong with one is told.

NATS ends TLS itself. Before the others, which have none here, stands a line that does: TLS is the
first thing said on theirs.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ductape.domain.definitions.broker import BrokerServer, BrokerType
from tests.integration.brokering import caller, failure_of, server_at
from tests.servers.certificates import Files, certificate_files, certificates
from tests.servers.http import http_receiver
from tests.servers.kafka import before_kafka, mock_kafka
from tests.servers.nats import nats_server
from tests.servers.proxy import Proxy
from tests.servers.valkey import valkey

ENCRYPTED: tuple[BrokerType, ...] = ("redis", "rabbitmq", "nats", "kafka")


@dataclass(frozen=True)
class Encrypted:
    """A server that speaks TLS, and whose authority nobody trusts yet."""

    kind: BrokerType
    port: int
    files: Files
    named: str
    """What the certificate says."""
    nameless: str
    """Another name of the host."""

    def at(self, host: str) -> BrokerServer:
        """Describe it, by a name of its."""
        scheme = {"redis": "rediss", "rabbitmq": "amqps", "nats": "tls"}
        if self.kind == "kafka":
            return server_at("kafka", 0, servers=[f"{host}:{self.port}"], tls=True)
        return server_at(self.kind, 0, url=f"{scheme[self.kind]}://{host}:{self.port}")


@pytest.fixture(params=ENCRYPTED)
async def encrypted(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Encrypted]:
    kind: BrokerType = request.param
    # What Kafka's mock tells of itself is an address.
    names = ("127.0.0.1", "localhost") if kind == "kafka" else ("localhost", "127.0.0.1")
    files = certificate_files(tmp_path, names[0])
    async with AsyncExitStack() as stack:
        if kind == "nats":
            told = ("--tls", "--tlscert", files.chain, "--tlskey", files.key)
            server = await stack.enter_async_context(nats_server(tmp_path, *told))
            yield Encrypted(kind, server.port, files, *names)
            return
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(files.chain, files.key)
        if kind == "kafka":
            cluster = stack.enter_context(mock_kafka())
            proxy = await stack.enter_async_context(before_kafka(cluster, tls))
        elif kind == "redis":
            behind = await stack.enter_async_context(valkey(tmp_path))
            proxy = await stack.enter_async_context(before(behind.port, tls))
        else:
            url: str = request.getfixturevalue("rabbitmq_url")
            proxy = await stack.enter_async_context(before(int(url.rpartition(":")[2]), tls))
        yield Encrypted(kind, proxy.port, files, *names)


@asynccontextmanager
async def before(port: int, tls: ssl.SSLContext) -> AsyncIterator[Proxy]:
    """Run a line that speaks TLS before a server that does not."""
    proxy = Proxy(port, tls=tls)
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.aclose()


async def test_a_private_authority_is_named_in_ssl_cert_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encrypted: Encrypted
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(encrypted.files.authority))
    topic = f"tls-{tmp_path.name}"
    async with caller(encrypted.at(encrypted.named), topic=topic) as calling:
        assert await calling.publish(timeout_s=10)
        (found,) = await calling.fetch(wait_ms=10_000)
    assert found.body == b'{"id": 7}'


@pytest.mark.parametrize("what", ["publish", "fetch"])
async def test_an_authority_that_is_unknown_is_refused(encrypted: Encrypted, what: str) -> None:
    async with caller(encrypted.at(encrypted.named)) as calling:
        error = await failure_of(calling, what)
    assert error.code == "CONNECTION_ERROR"
    assert f"{encrypted.port} shows a certificate that is not trusted" in str(error)
    assert "unable to get local issuer certificate" in str(error)
    assert error.hint is not None
    assert "SSL_CERT_FILE" in error.hint


async def test_a_certificate_of_another_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, encrypted: Encrypted
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(encrypted.files.authority))
    host = encrypted.nameless
    async with caller(encrypted.at(host)) as calling:
        error = await failure_of(calling, "publish")
    assert error.code == "CONNECTION_ERROR"
    assert f"{host}:{encrypted.port} shows a certificate that is not trusted" in str(error)
    assert "not valid for" in str(error)
    assert error.hint == "write the host as its certificate names it"


@pytest.mark.parametrize("kind", ["sqs", "pubsub"])
async def test_what_speaks_https_says_the_same(kind: BrokerType) -> None:
    async with http_receiver(certificates("localhost").server) as server:
        async with caller(server_at(kind, 0, endpoint=server.url)) as calling:
            error = await failure_of(calling, "publish")
        assert server.requests == []
    assert error.code == "CONNECTION_ERROR"
    assert "unable to get local issuer certificate" in str(error)
    assert error.hint is not None
    assert "SSL_CERT_FILE" in error.hint
