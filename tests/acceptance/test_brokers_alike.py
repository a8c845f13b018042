"""What every broker must do alike, each against a real server of its kind (SPEC 9)."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from ductape import JobCancelled, JobFailed
from tests.acceptance.brokers import Kept, a_publish, a_subscription, shop, until_taken
from tests.servers.kafka import mock_kafka
from tests.servers.nats import nats_server
from tests.servers.sqs import make_queues
from tests.servers.valkey import valkey

SQS_ACCOUNT: dict[str, object] = {
    "region": "eu-west-1",
    "access_key_id": "$Secret{sqs_id}",
    "secret_access_key": "$Secret{sqs_key}",
}
Broker = dict[str, object]
Open = Callable[[Path], AbstractAsyncContextManager[Broker]]


@asynccontextmanager
async def redis(folder: Path) -> AsyncIterator[Broker]:
    async with valkey(folder) as server:
        yield {"type": "redis", "url": server.url}


@asynccontextmanager
async def nats(folder: Path) -> AsyncIterator[Broker]:
    async with nats_server(folder) as server:
        yield {"type": "nats", "url": server.url}


@asynccontextmanager
async def kafka(_: Path) -> AsyncIterator[Broker]:
    with mock_kafka() as server:
        yield {"type": "kafka", "servers": [server]}


OPEN: dict[str, Open] = {"redis": redis, "nats": nats, "kafka": kafka}


GROUPED = list(OPEN)
"""Where a topic can be read by several groups; RabbitMQ and SQS have queues."""


@pytest.fixture(params=[*OPEN, "rabbitmq", "sqs"])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Broker]:
    """A broker of each kind; what takes seconds to start serves all tests of a session."""
    kind: str = request.param
    if kind in OPEN:
        async with OPEN[kind](tmp_path) as running:
            yield running
    else:
        reached: Broker = request.getfixturevalue(f"{kind}_server")
        after = f"-{tmp_path.name}"
        if kind == "sqs":
            await make_queues(str(reached["endpoint"]), after)
        yield {"type": kind, **reached, "after": after}


@pytest.fixture
def rabbitmq_server(rabbitmq_url: str) -> Broker:
    return {"url": rabbitmq_url}


@pytest.fixture
def sqs_server(sqs_endpoint: str) -> Broker:
    return {"endpoint": sqs_endpoint, **SQS_ACCOUNT}


async def test_what_is_published_arrives_with_its_key_and_headers(
    tmp_path: Path, broker: Broker
) -> None:
    kept = Kept()
    mapping = {
        "body": "$Message{body}",
        "key": "$Message{key}",
        "from": "$Message{headers}{X-From}",
        "repeat": "$Message{headers}{Idempotency-Key}",
        "id": "$Message{id}",
        "encoding": "$Message{encoding}",
        "at": "$Message{published_at}",
    }
    async with shop(tmp_path, broker, kept, ack_wait=5_000) as ductape:
        job, ids = ductape.processor.job, set[object]()
        for number in range(3):
            asked = a_publish({"id": number}, key=f"k{number}", headers={"X-From": "test"})
            result = await job.schedule(asked, timeout=20)
            assert isinstance(result, dict)
            ids.add(result["id"])
        text = await job.schedule(a_publish("plain words", key="k", headers={"X-From": "a"}))
        asked = a_subscription(input=mapping, max_messages=4)
        result = await job.schedule(asked, timeout=30)
        await until_taken(ductape, 4)
    assert isinstance(text, dict)
    assert result == {"received": 4, "dispatched": 4}
    assert {one["id"] for one in kept.inputs} == ids | {text["id"]}
    assert {str(one["body"]) for one in kept.inputs} == {
        "{'id': 0}",
        "{'id': 1}",
        "{'id': 2}",
        "plain words",
    }
    assert {one["key"] for one in kept.inputs} == {"k0", "k1", "k2", "k"}
    assert {one["from"] for one in kept.inputs} == {"test", "a"}
    assert {one["encoding"] for one in kept.inputs} == {"json", "text"}
    assert all(str(one["repeat"]).endswith(":1") for one in kept.inputs)
    assert all(isinstance(one["at"], int) for one in kept.inputs)


@pytest.mark.parametrize("broker", GROUPED, indirect=True)
async def test_two_groups_have_each_message_and_one_group_has_it_once(
    tmp_path: Path, broker: Broker
) -> None:
    async with shop(tmp_path, broker) as ductape:
        job = ductape.processor.job
        await job.schedule(a_publish({"id": 1}), timeout=20)
        billing = await job.schedule(a_subscription(group="a", max_messages=1), timeout=30)
        shipping = await job.schedule(a_subscription(group="b", max_messages=1), timeout=30)
        again = await job.schedule(a_subscription(group="a", duration=1_500), timeout=30)
    assert billing == shipping == {"received": 1, "dispatched": 1}
    assert again == {"received": 0, "dispatched": 0}


async def test_poison_goes_to_the_dead_letters(tmp_path: Path, broker: Broker) -> None:
    kept = Kept()
    async with shop(tmp_path, broker, kept, max_deliveries=3) as ductape:
        job = ductape.processor.job
        for message in ({"id": 1}, "no order", {"id": 3}):
            await job.schedule(a_publish(message, headers={"X-From": "test"}), timeout=20)
        asked = a_subscription(input={"order": "$Message{body}{id}"}, max_messages=3)
        result = await job.schedule(asked, timeout=30)
        mapping = {
            "order": "$Message{body}",
            "code": "$Message{headers}{Ductape-Code}",
            "count": "$Message{headers}{Ductape-Deliveries}",
            "from": "$Message{headers}{X-From}",
        }
        asked = a_subscription("bus:dead", input=mapping, group="dead", max_messages=1)
        dead = await job.schedule(asked, timeout=30)
        await until_taken(ductape, 3)
    assert result == {"received": 3, "dispatched": 2}
    assert dead == {"received": 1, "dispatched": 1}
    (letter,) = (one for one in kept.inputs if "code" in one)
    assert letter == {
        "order": "no order",
        "code": "REFERENCE_MISSING",
        "count": "3",
        "from": "test",
    }


async def test_a_standing_subscription_goes_on_in_another_worker(
    tmp_path: Path, broker: Broker
) -> None:
    kept = Kept()
    async with shop(tmp_path, broker, kept) as ductape:
        receipt = await ductape.processor.job.dispatch(a_subscription())
        await ductape.processor.job.schedule(a_publish("first"), timeout=20)
        await until_taken(ductape, 1)
    async with shop(tmp_path, broker, kept) as ductape:
        await ductape.processor.job.schedule(a_publish("second"), timeout=20)
        await until_taken(ductape, 2)
        await ductape.jobs.cancel(receipt["job_id"])
        with pytest.raises(JobCancelled):
            await ductape.processor.job.wait(receipt["job_id"], timeout=20)
    assert [one["order"] for one in kept.inputs] == ["first", "second"]


async def test_three_hundred_messages_make_three_hundred_jobs(
    tmp_path: Path, broker: Broker
) -> None:
    async with shop(tmp_path, broker) as ductape:
        job = ductape.processor.job
        receipts = await job.dispatch_many([a_publish({"id": number}) for number in range(300)])
        for receipt in receipts:
            await job.wait(receipt["job_id"], timeout=120)
        result = await job.schedule(a_subscription(max_messages=300), timeout=120)
        await until_taken(ductape, 300)
    assert result == {"received": 300, "dispatched": 300}


REFUSED: list[Broker] = [
    {"type": "redis", "url": "redis://127.0.0.1:1/0"},
    {"type": "nats", "url": "nats://127.0.0.1:1"},
    {"type": "rabbitmq", "url": "amqp://127.0.0.1:1"},
    {"type": "kafka", "servers": ["127.0.0.1:1"]},
    {"type": "sqs", "endpoint": "http://127.0.0.1:1", **SQS_ACCOUNT},
]


@pytest.mark.parametrize("refusing", REFUSED, ids=lambda one: str(one["type"]))
async def test_a_broker_that_refuses_is_told(tmp_path: Path, refusing: Broker) -> None:
    async with shop(tmp_path, refusing) as ductape:
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule(a_publish("x"), timeout=30)
    assert caught.value.error["code"] == "CONNECTION_ERROR"


INSIDE: list[Broker] = [
    {"type": "redis", "url": "redis://10.1.2.3:6379/0"},
    {"type": "nats", "url": "nats://10.1.2.3:4222"},
    {"type": "rabbitmq", "url": "amqp://10.1.2.3:5672"},
    {"type": "kafka", "servers": ["10.1.2.3:9092"]},
    {"type": "sqs", "endpoint": "http://10.1.2.3:4566", **SQS_ACCOUNT},
]


@pytest.mark.parametrize("inside", INSIDE, ids=lambda one: str(one["type"]))
async def test_a_broker_inside_is_out_of_bounds(tmp_path: Path, inside: Broker) -> None:
    async with shop(tmp_path, inside) as ductape:
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule(a_publish("x"), timeout=30)
    assert caught.value.error["code"] == "FORBIDDEN"
