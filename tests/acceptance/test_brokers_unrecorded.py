"""A crash between a broker's confirmation and its recording: what the second attempt publishes.

Each broker is real but for three: Kafka is librdkafka's mock of a cluster, SQS is moto, and Pub/Sub
takes what Google publishes. What lies there is read by a client of the test's own.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aio_pika
import nats
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition
from redis.asyncio import Redis

from ductape import Ductape
from tests.acceptance.brokers import a_publish, product
from tests.acceptance.dying import LOST_ONCE, a_job, after_a_death, applied, tries, with_secrets
from tests.servers.kafka import mock_kafka
from tests.servers.nats import nats_server
from tests.servers.pubsub import PROJECT, pubsub
from tests.servers.sqs import client
from tests.servers.valkey import valkey

HEADER = "Idempotency-Key"


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


async def with_broker(store: str, broker: dict[str, object]) -> None:
    await applied(store, brokers=product(broker)["brokers"])


async def test_nats_drops_a_message_that_is_published_again(store: str, tmp_path: Path) -> None:
    async with nats_server(tmp_path / "nats") as server:
        await with_broker(store, {"type": "nats", "url": server.url})
        link, found = await nats.connect(server.url), list[tuple[int, str]]()

        async def look() -> None:
            (stream,) = await link.jetstream().streams_info()
            message = await link.jetstream().get_msg(str(stream.config.name), 1)
            found.append((stream.state.messages, (message.headers or {})["Nats-Msg-Id"]))

        view = await after_a_death(store, a_publish({"id": 7}), between=look)
        await look()
        await link.close()
    assert tries(view) == LOST_ONCE
    assert found == [(1, f"{view['id']}:1")] * 2


async def test_redis_keeps_both_messages_and_readers_tell_them_by_the_key(
    store: str, tmp_path: Path
) -> None:
    async with valkey(tmp_path) as server, Redis.from_url(server.url) as redis:
        await with_broker(store, {"type": "redis", "url": server.url})
        view = await after_a_death(store, a_publish({"id": 7}))
        entries = await redis.xrange("orders")
    assert tries(view) == LOST_ONCE
    assert len(entries) == 2
    assert all(f"{view['id']}:1".encode() in b"".join(fields.values()) for _, fields in entries)


async def test_rabbitmq_keeps_both_messages_under_one_id(
    store: str, tmp_path: Path, rabbitmq_url: str
) -> None:
    after = f"-{tmp_path.name}"
    await with_broker(store, {"type": "rabbitmq", "url": rabbitmq_url, "after": after})
    view = await after_a_death(store, a_publish({"id": 7}))
    async with await aio_pika.connect(rabbitmq_url) as link, link.channel() as channel:
        queue = await channel.get_queue(f"orders{after}")
        found = [await queue.get(no_ack=True) for _ in range(2)]
        more = await queue.get(no_ack=True, fail=False)
    key = f"{view['id']}:1"
    assert tries(view) == LOST_ONCE
    assert [(one.message_id, one.headers[HEADER]) for one in found] == [(key, key)] * 2
    assert more is None


async def test_kafka_keeps_both_messages_under_one_header(store: str) -> None:
    # A producer's own number, by which Kafka drops repeats, dies with its process.
    with mock_kafka() as server:
        await with_broker(store, {"type": "kafka", "servers": [server]})
        view = await after_a_death(store, a_publish({"id": 7}, key="ada"))
        found = await asyncio.to_thread(read_kafka, server, "orders")
    headers = [dict(one.headers() or []) for one in found]
    assert tries(view) == LOST_ONCE
    assert headers == [{HEADER: f"{view['id']}:1".encode()}] * 2
    assert [one.key() for one in found] == [b"ada"] * 2


def read_kafka(server: str, topic: str) -> list[Message]:
    """Read a topic from its beginning to its end, as it is now."""
    reader = Consumer({"bootstrap.servers": server, "group.id": "-", "enable.partition.eof": True})
    partitions = reader.list_topics(topic, timeout=20).topics[topic].partitions
    reader.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    found: list[Message] = []
    ends = 0
    while ends < len(partitions):
        message = reader.poll(20)
        assert message is not None, "Kafka does not answer"
        if (error := message.error()) is None:
            found.append(message)
        else:
            assert error.code() == KafkaError._PARTITION_EOF
            ends += 1
    reader.close()
    return found


def at_moto(endpoint: str) -> dict[str, object]:
    secrets = {"access_key_id": "$Secret{id}", "secret_access_key": "$Secret{key}"}
    return {"type": "sqs", "region": "eu-west-1", "endpoint": endpoint, **secrets}


@asynccontextmanager
async def a_queue(store: str, endpoint: str, name: str) -> AsyncIterator[tuple[Any, str]]:
    """Make a queue that the product knows; give Amazon's own client, and the queue's URL."""
    looking = client(endpoint)
    given = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    made = await asyncio.to_thread(looking.create_queue, QueueName=name, Attributes=given)
    topics = [{"tag": "orders", "name": name}]
    await applied(store, brokers=[{"tag": "bus", **at_moto(endpoint), "topics": topics}])
    await with_secrets(store, id="testing", key="testing")
    yield looking, made["QueueUrl"]
    looking.close()


async def received(looking: Any, url: str) -> list[dict[str, Any]]:  # noqa: ANN401 (untyped there)
    """Take all that lies in a queue."""
    wanted = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
    found: list[dict[str, Any]] = []
    while True:
        answer = await asyncio.to_thread(
            looking.receive_message, QueueUrl=url, MaxNumberOfMessages=10, **wanted
        )
        if not (messages := answer.get("Messages", [])):
            return found
        found += messages
        for one in messages:
            looking.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])


async def test_a_queue_of_sqs_keeps_both_messages_under_one_attribute(
    store: str, tmp_path: Path, sqs_endpoint: str
) -> None:
    async with a_queue(store, sqs_endpoint, f"orders-{tmp_path.name}") as (looking, url):
        view = await after_a_death(store, a_publish({"id": 7}))
        found = await received(looking, url)
    keys = [one["MessageAttributes"][HEADER]["StringValue"] for one in found]
    assert tries(view) == LOST_ONCE
    assert keys == [f"{view['id']}:1"] * 2


async def test_a_fifo_queue_of_sqs_drops_a_message_that_is_published_again(
    store: str, tmp_path: Path, sqs_endpoint: str
) -> None:
    async with a_queue(store, sqs_endpoint, f"orders-{tmp_path.name}.fifo") as (looking, url):
        asked: list[str] = []

        async def look() -> None:
            there = looking.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            asked.append(there["Attributes"]["ApproximateNumberOfMessages"])

        view = await after_a_death(store, a_publish({"id": 7}), between=look)
        (only,) = await received(looking, url)
    assert (tries(view), asked) == (LOST_ONCE, ["1"])
    assert only["Attributes"]["MessageDeduplicationId"] == f"{view['id']}:1"


async def test_pubsub_keeps_both_messages_under_one_attribute(store: str) -> None:
    async with pubsub("orders", "orders-dead") as server:
        about = {"type": "pubsub", "project": PROJECT, "endpoint": server.url}
        await with_broker(store, {**about, "credentials": "$Secret{google}"})
        await with_secrets(store, google=server.key_file)
        view = await after_a_death(store, a_publish({"id": 7}))
    keys = [one["attributes"][HEADER] for one in server.topics["orders"]]
    assert tries(view) == LOST_ONCE
    assert keys == [f"{view['id']}:1"] * 2


LONG = ("an-offer-whose-tag-is-as-long-as-tags-may-be-" * 5)[:200]
"""By which a key comes to be longer than SQS and RabbitMQ take."""


def within(tag: str, *, queue: str, **broker: object) -> dict[str, object]:
    """Make sections where publishing is an option of a fallback with that tag."""
    options = [{"type": "publish", "event": "bus:orders"}]
    topics = [{"tag": "orders", "name": queue}]
    fallbacks = [{"tag": tag, "options": options}]
    return {"brokers": [{"tag": "bus", **broker, "topics": topics}], "fallbacks": fallbacks}


async def test_two_jobs_with_long_keys_are_no_repeats_of_one_another(
    store: str, tmp_path: Path, sqs_endpoint: str
) -> None:
    name = f"long-{tmp_path.name}.fifo"
    async with a_queue(store, sqs_endpoint, name) as (looking, url):
        await applied(store, **within(LONG, queue=name, **at_moto(sqs_endpoint)))
        async with Ductape.open(store, config={}) as ductape:
            for number in range(2):
                asked = a_job(LONG, {"message": {"id": number}})
                await ductape.processor.job.schedule(asked, timeout=20)
        found = await received(looking, url)
    assert [one["Body"] for one in found] == ['{"id":0}', '{"id":1}']


async def test_a_long_key_is_told_to_rabbitmq_in_short(
    store: str, tmp_path: Path, rabbitmq_url: str
) -> None:
    queue = f"long-{tmp_path.name}"
    await applied(store, **within(LONG, queue=queue, type="rabbitmq", url=rabbitmq_url))
    async with Ductape.open(store, config={}) as ductape:
        asked = a_job(LONG, {"message": {"id": 7}})
        result = await ductape.processor.job.schedule(asked, timeout=20)
    async with await aio_pika.connect(rabbitmq_url) as link, link.channel() as channel:
        message = await (await channel.get_queue(queue)).get(no_ack=True)
    assert result == {"id": message.message_id, "provider": "bus:orders"}
    assert len(message.message_id or "") == 64
    assert str(message.headers[HEADER]).endswith(f":fallback.{LONG}.bus:orders")
