"""A topic that somebody deletes while a standing subscription reads it, and makes again later."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from ductape import Ductape, JobFailed
from ductape.handlers.broker import flow
from ductape.providers.brokers import pubsub as pubsub_link
from tests.acceptance.brokers import Kept, a_publish, a_subscription, shop, until_taken
from tests.servers.kafka import mock_cluster
from tests.servers.pubsub import PROJECT, pubsub
from tests.servers.sqs import client, make_queues, mock_sqs

PATIENCE_S = 90
"""Kafka's mock lets a group wait for a member that left while it joined."""
BUSY_S = 3
"""Of the processor, until it is told: a loop without a pause would take all there is."""


@dataclass
class Broker:
    """A broker whose topic `orders` a test may delete, and make again."""

    settings: dict[str, object]
    delete: Callable[[], Awaitable[None]]
    make: Callable[[], Awaitable[None]]
    secret: str = "testing"
    hears: Callable[[], bool] = lambda: True
    """Whether somebody gets what is published now."""


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask brokers again soon."""
    monkeypatch.setattr(flow, "_AWAY", flow.RetryPolicy(initial_delay_ms=50, max_delay_ms=100))
    monkeypatch.setattr(pubsub_link, "_PULL_MS", 300)


@pytest.fixture(params=["sqs", "pubsub", "kafka"])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Broker]:
    async with AsyncExitStack() as stack:
        match request.param:
            case "sqs":
                yield await an_sqs(stack.enter_context(mock_sqs()), f"-{tmp_path.name}"[:60])
            case "pubsub":
                yield await a_pubsub(stack)
            case _:
                yield a_kafka(stack.enter_context(ExitStack()))


async def an_sqs(endpoint: str, after: str) -> Broker:
    await make_queues(endpoint, after)
    theirs = client(endpoint)
    name = f"orders{after}"
    url = theirs.get_queue_url(QueueName=name)["QueueUrl"]
    settings: dict[str, object] = {
        "type": "sqs",
        "region": "eu-west-1",
        "endpoint": endpoint,
        "access_key_id": "$Secret{sqs_id}",
        "secret_access_key": "$Secret{sqs_key}",
        "after": after,
    }

    async def delete() -> None:
        await asyncio.to_thread(theirs.delete_queue, QueueUrl=url)

    async def make() -> None:
        await asyncio.to_thread(theirs.create_queue, QueueName=name)

    return Broker(settings, delete, make)


async def a_pubsub(stack: AsyncExitStack) -> Broker:
    server = await stack.enter_async_context(pubsub("orders", "orders-dead"))
    settings: dict[str, object] = {
        "type": "pubsub",
        "project": PROJECT,
        "endpoint": server.url,
        "credentials": "$Secret{google}",
    }

    async def delete() -> None:
        server.delete_topic("orders")

    async def make() -> None:
        server.topics["orders"] = []

    return Broker(settings, delete, make, server.key_file, lambda: bool(server.subscriptions))


def a_kafka(stack: ExitStack) -> Broker:
    cluster = stack.enter_context(mock_cluster())
    gone = stack.enter_context(ExitStack())

    async def delete() -> None:
        gone.enter_context(cluster.without("orders"))

    async def make() -> None:
        gone.close()

    return Broker({"type": "kafka", "servers": [cluster.address]}, delete, make)


@pytest.fixture
def waits(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Give what subscriptions have said they wait for."""
    return lambda: [one.getMessage() for one in caplog.records if " waits " in one.getMessage()]


async def published(ductape: Ductape, message: str) -> None:
    asked = {**a_publish(message), "retries": 20, "retryConfig": SOON}
    await ductape.processor.job.schedule(asked, timeout=PATIENCE_S)


SOON = {"initialDelay": 100, "maxDelay": 300, "retryableErrors": ["NOT_FOUND"]}


async def test_a_standing_subscription_waits_for_a_topic_that_was_deleted(
    tmp_path: Path, broker: Broker, waits: Callable[[], list[str]]
) -> None:
    kept = Kept()
    async with shop(tmp_path, broker.settings, kept) as ductape:
        await ductape.secrets.set("google", broker.secret, product="shop")
        receipt = await ductape.processor.job.dispatch(a_subscription())
        async with asyncio.timeout(PATIENCE_S):
            while not broker.hears():  # noqa: ASYNC110 (the server tells nobody)
                await asyncio.sleep(0.01)
        await published(ductape, "before")
        await until_taken(ductape, 1)
        await broker.delete()
        began_s = time.process_time()
        async with asyncio.timeout(PATIENCE_S):
            while not waits():  # noqa: ASYNC110 (what is logged cannot be awaited)
                await asyncio.sleep(0.05)
        assert time.process_time() - began_s < BUSY_S
        assert (await ductape.jobs.get(receipt["job_id"]))["status"] == "running"
        await broker.make()
        async with asyncio.timeout(PATIENCE_S):
            while len(await taken(ductape)) < 2:
                await published(ductape, "after")
    assert "after" in [one["order"] for one in kept.inputs]
    assert all("orders" in said for said in waits())


async def taken(ductape: Ductape) -> list[object]:
    return [*await ductape.jobs.list(event="take", status="completed", limit=500)]


async def test_a_subscription_to_a_topic_that_was_never_there_fails_at_once(
    tmp_path: Path, broker: Broker
) -> None:
    await broker.delete()
    async with shop(tmp_path, broker.settings) as ductape:
        await ductape.secrets.set("google", broker.secret, product="shop")
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule(a_subscription(), timeout=PATIENCE_S)
    assert caught.value.error["code"] == "NOT_FOUND"
