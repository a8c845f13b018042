"""The links to brokers that a worker keeps: as many as are used."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest

from ductape.app.system import SystemClock
from ductape.domain.definitions.broker import BrokerServer, BrokerTopic
from ductape.domain.egress import EgressPolicy
from ductape.ports.broker import Outgoing, Place
from ductape.ports.http import HttpClient
from ductape.providers.brokers import pool
from ductape.providers.brokers.link import Link
from tests.integration.brokering import OneToken


@dataclass
class FakeLink:
    """A link that says when it is closed."""

    server: BrokerServer
    ends: list[str]
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    where: str = "nowhere"
    trust: None = None

    async def publish(self, topic: BrokerTopic, message: Outgoing) -> str:
        if topic.name == "slow":
            await self.goes_on.wait()
        return str(message.id)

    async def aclose(self) -> None:
        self.ends.append(str(self.server.url))


async def test_a_link_to_what_no_version_names_any_more_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[FakeLink] = []
    ends: list[str] = []

    def connect(server: BrokerServer, _: object) -> Link:
        made.append(FakeLink(server, ends))
        return cast("Link", made[-1])

    monkeypatch.setattr(pool, "_connect", lambda _: connect)
    monkeypatch.setattr(pool, "FORGOTTEN_S", -1)
    http = cast("HttpClient", None)
    links = pool.BrokerPool(EgressPolicy(), http, SystemClock(), OneToken())

    async def publish(broker: str, topic: str = "orders") -> None:
        place = Place("shop", "dev", broker, BrokerServer("nats", broker), BrokerTopic("t", topic))
        message = Outgoing(body=b"", content_type="text/plain", id="1")
        await links.publish(place, message, timeout_ms=9_000)

    slow = asyncio.create_task(publish("slow", "slow"))
    await asyncio.sleep(0)
    for version in range(3):
        await publish(f"v{version}")
    await asyncio.sleep(0)
    assert ends == ["v0", "v1"]
    made[0].goes_on.set()
    await slow
    await links.aclose()
    assert sorted(ends) == ["slow", "v0", "v1", "v2"]
