"""A Kafka group whose members change: what was not committed comes again, and nothing fails.

The mock of librdkafka cannot have two members of aiokafka in one group: it refuses what the one
says last. What the first member hears when a second one joins is injected.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from ductape.ports.broker import Consumer, Delivery
from tests.integration.brokering import Caller, caller, server_at
from tests.servers.kafka import REBALANCE_IN_PROGRESS, MockKafka, mock_cluster


@pytest.fixture
def cluster() -> Iterator[MockKafka]:
    with mock_cluster() as running:
        yield running


@pytest.fixture
async def calling(cluster: MockKafka) -> AsyncIterator[Caller]:
    async with caller(server_at("kafka", cluster.port)) as made:
        yield made


async def fetched(consumer: Consumer, count: int) -> list[Delivery]:
    """Fetch until so many have come."""
    found: list[Delivery] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found += await consumer.fetch(10, 50)
    return found


async def test_a_commit_while_a_group_is_rebalanced_is_made_by_whoever_has_the_message_next(
    cluster: MockKafka, calling: Caller
) -> None:
    for _ in range(3):
        await calling.publish(timeout_s=10)
    async with calling.consuming() as consumer:
        before = await fetched(consumer, 3)
        cluster.refuse_commit(REBALANCE_IN_PROGRESS)
        await consumer.accept(before)
        again = await fetched(consumer, 3)
        await consumer.accept(again)
    assert {one.identity for one in again} == {one.identity for one in before}
    assert await calling.fetch(wait_ms=1_000) == []
