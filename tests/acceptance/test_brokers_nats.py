"""What only NATS has: several topics in one stream, durable consumers that others may have made."""

from collections.abc import AsyncIterator
from pathlib import Path

import nats as nats_client
import pytest
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig

from ductape import JobFailed
from tests.acceptance.brokers import Kept, a_publish, a_subscription, shop, until_taken
from tests.servers.nats import Nats, nats_server

CREATED, PAID = "bus:orders", "bus:paid"
SUBJECTS = ["orders.created", "orders.paid"]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Nats]:
    async with nats_server(tmp_path) as running:
        yield running


@pytest.fixture
async def stream(server: Nats) -> AsyncIterator[JetStreamContext]:
    """A stream that keeps both subjects, made by somebody else."""
    client = await nats_client.connect(server.url)
    context = client.jetstream()
    await context.add_stream(name="shop", subjects=["orders.>"])
    yield context
    await client.close()


def a_broker(server: Nats) -> dict[str, object]:
    paid = {"tag": "paid", "name": SUBJECTS[1]}
    return {"type": "nats", "url": server.url, "more": [paid]}


async def test_two_topics_of_one_stream_have_their_own_messages(
    tmp_path: Path, server: Nats, stream: JetStreamContext
) -> None:
    kept = Kept()
    async with shop(tmp_path, a_broker(server), kept, name=SUBJECTS[0]) as ductape:
        job = ductape.processor.job
        for event, order in ((CREATED, "created"), (PAID, "paid")):
            await job.schedule(a_publish(order, event), timeout=20)
        for event, order in ((CREATED, "created"), (PAID, "paid")):
            asked = a_subscription(event, max_messages=1, duration=5_000, group="billing")
            assert await job.schedule(asked, timeout=30) == {"received": 1, "dispatched": 1}
            await until_taken(ductape, len(kept.inputs) or 1)
            assert kept.inputs[-1] == {"order": order}
    left = [info.num_pending + info.num_ack_pending for info in await stream.consumers_info("shop")]
    assert left == [0, 0]


async def test_groups_whose_names_nats_cannot_take_are_apart(
    tmp_path: Path, server: Nats, stream: JetStreamContext
) -> None:
    async with shop(tmp_path, a_broker(server), name=SUBJECTS[0]) as ductape:
        job = ductape.processor.job
        await job.schedule(a_publish("one"), timeout=20)
        for group in ("a b", "a.b", "a-b"):
            asked = a_subscription(max_messages=1, duration=5_000, group=group)
            assert await job.schedule(asked, timeout=30) == {"received": 1, "dispatched": 1}
    assert len(await stream.consumers_info("shop")) == 3


async def test_a_consumer_of_the_version_before_keeps_what_it_has_acknowledged(
    tmp_path: Path, server: Nats, stream: JetStreamContext
) -> None:
    await stream.publish(SUBJECTS[0], b'"old"')
    await stream.add_consumer("shop", ConsumerConfig("billing", filter_subject=SUBJECTS[0]))
    before = await stream.pull_subscribe_bind("billing", "shop")
    (message,) = await before.fetch(1)
    await message.ack_sync()
    kept = Kept()
    async with shop(tmp_path, a_broker(server), kept, name=SUBJECTS[0]) as ductape:
        job = ductape.processor.job
        for event in (CREATED, PAID):
            await job.schedule(a_publish("new", event), timeout=20)
            asked = a_subscription(event, max_messages=1, duration=5_000, group="billing")
            assert await job.schedule(asked, timeout=30) == {"received": 1, "dispatched": 1}
        await until_taken(ductape, 2)
    assert kept.inputs == [{"order": "new"}, {"order": "new"}]


async def test_a_durable_of_another_subject_is_refused(
    tmp_path: Path, server: Nats, stream: JetStreamContext
) -> None:
    async with shop(tmp_path, a_broker(server), name=SUBJECTS[0]) as ductape:
        job = ductape.processor.job
        asked = a_subscription(duration=200, group="billing")
        await job.schedule(asked, timeout=30)
        (made,) = await stream.consumers_info("shop")
        await stream.delete_consumer("shop", made.name)
        await stream.add_consumer("shop", ConsumerConfig(made.name, filter_subject=SUBJECTS[1]))
        with pytest.raises(JobFailed) as caught:
            await job.schedule(asked, timeout=30)
    error = caught.value.error
    assert error["code"] == "VALIDATION_ERROR"
    assert made.name in error["message"]
    assert SUBJECTS[1] in error["message"]


async def test_a_subscription_makes_the_stream_that_its_topic_names(
    tmp_path: Path, server: Nats
) -> None:
    async with shop(tmp_path, a_broker(server), name=SUBJECTS[0], stream="shop") as ductape:
        job = ductape.processor.job
        asked = a_subscription(max_messages=1, duration=10_000)
        receipt = await job.dispatch(asked)
        await job.schedule({**a_publish("one"), "retries": 3}, timeout=20)
        result = await job.wait(receipt["job_id"], timeout=30)
    assert result == {"received": 1, "dispatched": 1}


async def test_topics_may_share_a_stream_that_nobody_has_made(tmp_path: Path, server: Nats) -> None:
    paid = {"tag": "paid", "name": SUBJECTS[1], "stream": "shop"}
    broker = {**a_broker(server), "more": [paid]}
    async with shop(tmp_path, broker, name=SUBJECTS[0], stream="shop") as ductape:
        job = ductape.processor.job
        await job.schedule(a_publish("one", CREATED), timeout=20)
        asked = a_subscription(PAID, max_messages=1, duration=10_000)
        receipt = await job.dispatch(asked)
        await job.schedule({**a_publish("two", PAID), "retries": 3}, timeout=20)
        result = await job.wait(receipt["job_id"], timeout=30)
    assert result == {"received": 1, "dispatched": 1}


async def test_a_stream_that_is_made_anew_has_new_messages(tmp_path: Path, server: Nats) -> None:
    kept = Kept()
    once = a_subscription(max_messages=1, duration=10_000)
    async with shop(tmp_path, a_broker(server), kept, name="orders.created") as ductape:
        job = ductape.processor.job
        await job.schedule(a_publish("old"), timeout=20)
        first = await job.schedule(once, timeout=30)
        await delete_stream(server, "orders-created")
        await job.schedule(a_publish("new"), timeout=20)
        second = await job.schedule(once, timeout=30)
        await until_taken(ductape, 2)
    assert first == second == {"received": 1, "dispatched": 1}
    assert [one["order"] for one in kept.inputs] == ["old", "new"]


async def test_a_standing_subscription_goes_on_in_a_stream_that_is_made_anew(
    tmp_path: Path, server: Nats
) -> None:
    kept = Kept()
    async with shop(tmp_path, a_broker(server), kept, name="orders.created") as ductape:
        job = ductape.processor.job
        await job.dispatch(a_subscription())
        await job.schedule(a_publish("old"), timeout=20)
        await until_taken(ductape, 1)
        await delete_stream(server, "orders-created")
        await job.schedule(a_publish("new"), timeout=20)
        await until_taken(ductape, 2)
    assert [one["order"] for one in kept.inputs] == ["old", "new"]


async def delete_stream(server: Nats, name: str) -> None:
    client = await nats_client.connect(server.url)
    await client.jetstream().delete_stream(name)
    await client.close()
