"""Real brokers behind a bad line: an answer that is late, and one that is cut in the middle.

Whatever happens, the call ends in time, and the next one is well on a connection of its own.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape.domain.definitions.broker import BrokerType
from ductape.errors import ProviderError
from ductape.ports.broker import Consumer, Delivery
from ductape.providers.brokers import pool
from ductape.providers.brokers.redis.link import RedisLink
from tests.integration.brokering import (
    KINDS,
    PATIENCE_S,
    SLACK_S,
    caller,
    failure_of,
    is_retried,
    server_at,
)
from tests.integration.brokers_behind import Behind, behind
from tests.servers.programs import free_port

CUT = {"CONNECTION_LOST", "CONNECTION_ERROR"}


@pytest.fixture(params=KINDS)
async def broker(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Behind]:
    monkeypatch.setattr(pool, "_FAREWELL_S", 0.7)
    kind: BrokerType = request.param
    async with behind(kind, tmp_path, request.getfixturevalue) as running:
        yield running


async def test_an_answer_that_is_late(broker: Behind) -> None:
    async with caller(broker.server, topic=broker.topic, patience_s=PATIENCE_S) as calling:
        await calling.publish(timeout_s=10)
        broker.proxy.pause()
        error = await failure_of(calling, "publish")
        broker.proxy.resume()
        assert await calling.publish(timeout_s=10)
    await broker.proxy.deserted()
    assert error.code == "TIMEOUT"
    assert is_retried(error)


async def test_who_comes_at_once_leaves_no_connection_behind(broker: Behind) -> None:
    async with caller(broker.server, topic=broker.topic) as calling:
        await asyncio.gather(calling.publish(), calling.fetch(), calling.fetch())
    await broker.proxy.deserted()


async def test_a_line_that_is_cut_in_the_middle(broker: Behind) -> None:
    async with caller(broker.server, topic=broker.topic) as calling:
        await calling.publish(timeout_s=10)
        broker.proxy.pause()
        publishing = asyncio.create_task(calling.publish(timeout_s=1))
        await broker.proxy.held.wait()
        broker.proxy.cut()
        if broker.kind == "kafka":  # Its client mends the line by itself, and the call goes on.
            broker.proxy.resume()
            assert await publishing
            return
        with pytest.raises(ProviderError) as caught:
            await publishing
        broker.proxy.resume()
        assert await calling.publish(timeout_s=10)
    assert caught.value.code in CUT
    assert is_retried(caught.value)


async def test_redis_has_no_time_out_of_its_own() -> None:
    """Its client's five seconds would end calls that have longer, and reads that wait."""
    async with caller(server_at("redis", free_port())) as calling:
        with pytest.raises(ProviderError):
            await calling.publish()
        async with calling.pool._used(calling.place) as link:
            assert isinstance(link, RedisLink)
            connection = link._redis.connection_pool.make_connection()
    assert (connection.socket_timeout, connection.socket_connect_timeout) == (None, None)


GARBAGE = b"\x00\xff\x13 no broker says this \r\n" * 50


async def test_garbage_in_the_middle(broker: Behind) -> None:
    async with caller(broker.server, topic=broker.topic, patience_s=PATIENCE_S) as calling:
        await calling.publish(timeout_s=10)
        honest = broker.proxy.edit
        broker.proxy.edit = lambda _: GARBAGE
        error = await failure_of(calling, "publish")
        broker.proxy.edit = honest
        assert await calling.publish(timeout_s=10)
    assert error.code in {*CUT, "PROVIDER_ERROR", "TIMEOUT"}
    assert is_retried(error)


PUSHED = {"rabbitmq", "kafka"}
"""Where nothing is asked for."""
SELF_MENDING = {"kafka"}

ASKED = {"redis": "TIMEOUT", "nats": "TIMEOUT", "sqs": "TIMEOUT"}
"""What a fetch comes to that hears nothing. Elsewhere silence is no fault: messages are pushed, or
an answer may take its time."""


async def test_a_fetch_that_is_not_answered(
    monkeypatch: pytest.MonkeyPatch, broker: Behind
) -> None:
    async with caller(broker.server, topic=broker.topic) as calling:
        code = None
        try:
            async with calling.consuming() as consumer:
                monkeypatch.setattr(pool, "PATIENCE_S", PATIENCE_S)
                broker.proxy.pause()
                async with asyncio.timeout(PATIENCE_S + SLACK_S):
                    assert await consumer.fetch(1, 50) == []
                broker.proxy.resume()
        except ProviderError as error:
            code = error.code
            broker.proxy.resume()
    assert code == ASKED.get(broker.kind)


async def test_a_fetch_that_is_cut_in_the_middle(broker: Behind) -> None:
    """It fails and the next one is well, or the client mends its line; no message is lost."""
    async with caller(broker.server, topic=broker.topic) as calling:
        failures: list[ProviderError] = []
        try:
            async with calling.consuming() as consumer:
                if broker.kind == "kafka":
                    await consumer.fetch(1, 1_000)  # By when it has joined the group.
                broker.proxy.pause()
                fetching = asyncio.create_task(until_taken(consumer))
                if broker.kind not in PUSHED:
                    await broker.proxy.held.wait()
                broker.proxy.cut()
                broker.proxy.resume()
                await published(broker)
                (found,) = await fetching
        except ProviderError as error:
            failures.append(error)
            (found,) = await calling.fetch(wait_ms=5_000)
    assert found.body == b'{"id": 7}'
    assert {error.code for error in failures} <= CUT
    assert bool(failures) == (broker.kind not in SELF_MENDING)


async def published(broker: Behind) -> None:
    """Publish a message on a connection of its own."""
    async with caller(broker.server, topic=broker.topic, alone=False) as calling:
        await calling.publish(timeout_s=10)


async def until_taken(consumer: Consumer) -> list[Delivery]:
    """Fetch until something has come."""
    while not (found := await consumer.fetch(1, 50)):
        pass
    return list(found)
