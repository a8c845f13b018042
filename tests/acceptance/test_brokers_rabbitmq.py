"""What only RabbitMQ has: exchanges, credentials of its own, messages without a name (SPEC 9)."""

from pathlib import Path

import aio_pika
import pytest

from ductape import JobFailed
from tests.acceptance.brokers import (
    Kept,
    a_publish,
    a_subscription,
    shop,
    until_running,
    until_taken,
)


@pytest.fixture
def url(rabbitmq_url: str) -> str:
    return rabbitmq_url


def a_broker(url: str, tmp_path: Path) -> dict[str, object]:
    return {"type": "rabbitmq", "url": url, "after": f"-{tmp_path.name}"}


async def test_each_group_of_an_exchange_has_each_message(tmp_path: Path, url: str) -> None:
    kept = Kept()
    async with shop(tmp_path, a_broker(url, tmp_path), kept, exchange="fanout") as ductape:
        job = ductape.processor.job
        for group in ("a", "b"):  # An exchange keeps nothing: the groups' queues must be there.
            await job.schedule(a_subscription(group=group, duration=100), timeout=30)
        await job.schedule(a_publish({"id": 1}), timeout=20)
        for group in ("a", "b"):
            result = await job.schedule(a_subscription(group=group, max_messages=1), timeout=30)
            assert result == {"received": 1, "dispatched": 1}
        await until_taken(ductape, 2)
    assert [one["order"] for one in kept.inputs] == [{"id": 1}, {"id": 1}]


async def test_a_topic_exchange_routes_by_the_key(tmp_path: Path, url: str) -> None:
    kept = Kept()
    topic = {"exchange": "topic", "routing_key": "eu.#"}
    async with shop(tmp_path, a_broker(url, tmp_path), kept, **topic) as ductape:
        job = ductape.processor.job
        await job.schedule(a_subscription(duration=100), timeout=30)
        await job.schedule(a_publish({"id": 1}, key="eu.de"), timeout=20)
        with pytest.raises(JobFailed) as caught:
            await job.schedule(a_publish({"id": 2}, key="us.ny"), timeout=20)
        await job.schedule(a_subscription(max_messages=1), timeout=30)
        await until_taken(ductape, 1)
    assert [one["order"] for one in kept.inputs] == [{"id": 1}]
    assert "no queue that takes the message" in caught.value.error["message"]


async def test_wrong_credentials_are_told(tmp_path: Path, url: str) -> None:
    broker = {**a_broker(url, tmp_path), "username": "guest", "password": "$Secret{bus}"}
    async with shop(tmp_path, broker) as ductape:
        await ductape.secrets.set("bus", "wrong one", product="shop")
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule(a_publish("x"), timeout=30)
        await ductape.secrets.set("bus", "guest", product="shop")
        await ductape.processor.job.schedule(a_publish("x"), timeout=30)
    assert caught.value.error["code"] == "UNAUTHORIZED"
    assert "wrong one" not in caught.value.error["message"]


async def test_messages_without_a_name_are_all_taken(tmp_path: Path, url: str) -> None:
    kept = Kept()
    async with shop(tmp_path, a_broker(url, tmp_path), kept) as ductape:
        async with await aio_pika.connect(url) as connection, connection.channel() as channel:
            await channel.declare_queue(f"orders-{tmp_path.name}", durable=True)
            for _ in range(2):
                message = aio_pika.Message(b'"same"')
                await channel.default_exchange.publish(message, f"orders-{tmp_path.name}")
        result = await ductape.processor.job.schedule(a_subscription(max_messages=2), timeout=30)
        await until_taken(ductape, 2)
    assert result == {"received": 2, "dispatched": 2}


SHOWN = {"order": "$Message{body}", "key": "$Message{key}"}


async def test_a_message_without_a_key_shows_none(tmp_path: Path, url: str) -> None:
    kept = Kept()
    async with shop(tmp_path, a_broker(url, tmp_path), kept) as ductape:
        job = ductape.processor.job
        await job.schedule(a_publish("bare"), timeout=20)
        await job.schedule(a_publish("named", key="seven"), timeout=20)
        await job.schedule(a_subscription(input=SHOWN, max_messages=2), timeout=30)
        await until_taken(ductape, 2)
    assert {str(one["order"]): one["key"] for one in kept.inputs} == {
        "bare": None,
        "named": "seven",
    }


async def test_what_others_send_to_an_exchange_shows_its_routing_key(
    tmp_path: Path, url: str
) -> None:
    kept = Kept()
    topic = {"exchange": "topic", "routing_key": "#"}
    async with shop(tmp_path, a_broker(url, tmp_path), kept, **topic) as ductape:
        job = ductape.processor.job
        await job.schedule(a_subscription(duration=100), timeout=30)
        await job.schedule(a_publish("ours"), timeout=20)
        async with await aio_pika.connect(url) as connection, connection.channel() as channel:
            exchange = await channel.get_exchange(f"orders-{tmp_path.name}")
            for key in ("eu.de", ""):
                await exchange.publish(aio_pika.Message(b'"theirs"'), key)
        await job.schedule(a_subscription(input=SHOWN, max_messages=3), timeout=30)
        await until_taken(ductape, 3)
    assert [one["key"] for one in kept.inputs if one["order"] == "theirs"] == ["eu.de", None]


@pytest.mark.parametrize("topic", [{}, {"exchange": "fanout"}])
async def test_what_is_deleted_is_made_anew_and_a_standing_subscription_goes_on(
    tmp_path: Path, url: str, topic: dict[str, object]
) -> None:
    kept, name = Kept(), f"orders-{tmp_path.name}"
    async with shop(tmp_path, a_broker(url, tmp_path), kept, **topic) as ductape:
        job = ductape.processor.job
        receipt = await job.dispatch(a_subscription(group="a"))
        await until_running(ductape, receipt["job_id"])
        await job.schedule({**a_publish("old"), **PATIENT}, timeout=20)
        await until_taken(ductape, 1)
        async with await aio_pika.connect(url) as connection, connection.channel() as channel:
            if topic:
                await channel.exchange_delete(name)
                await channel.queue_delete(f"{name}.a")
            else:
                await channel.queue_delete(name)
        await job.schedule({**a_publish("new"), **PATIENT}, timeout=20)
        await until_taken(ductape, 2)
    assert [one["order"] for one in kept.inputs] == ["old", "new"]


PATIENT = {"retries": 20, "retryConfig": {"initialDelay": 200, "maxDelay": 500}}
