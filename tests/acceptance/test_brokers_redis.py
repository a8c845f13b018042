"""Publishing to Redis Streams and subscribing to them, against a real server (SPEC 9)."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from ductape import Conflict, Ductape, JobCancelled, JobFailed, NotFound, ValidationError
from tests.acceptance.brokers import (
    Kept,
    a_publish,
    a_subscription,
    product,
    shop,
    until_running,
    until_taken,
)
from tests.servers.valkey import Valkey, valkey


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Valkey]:
    async with valkey(tmp_path) as running:
        yield running


@pytest.fixture
async def redis(server: Valkey) -> AsyncIterator[Redis]:
    async with Redis.from_url(server.url) as client:
        yield client


def a_broker(server: Valkey) -> dict[str, object]:
    return {"type": "redis", "url": server.url}


async def test_a_message_is_published_with_its_key_and_headers(
    tmp_path: Path, server: Valkey, redis: Redis
) -> None:
    async with shop(tmp_path, a_broker(server)) as ductape:
        job = a_publish({"id": 7}, key="seven", headers={"X-From": "test"})
        receipt = await ductape.processor.job.dispatch(job)
        result = await ductape.processor.job.wait(receipt["job_id"], timeout=20)
        view = await ductape.jobs.get(receipt["job_id"])
    ((found, fields),) = await redis.xrange("orders")
    assert result == {"id": found.decode()}
    assert (fields[b"body"], fields[b"key"]) == (b'{"id":7}', b"seven")
    assert b'"X-From":"test"' in fields[b"headers"]
    assert f'"Idempotency-Key":"{view["id"]}:1"'.encode() in fields[b"headers"]
    assert view["kind"] == "publish"


async def test_each_message_becomes_a_job_with_its_parts(tmp_path: Path, server: Valkey) -> None:
    kept = Kept()
    mapping = {
        "order": "$Message{body}",
        "number": "$Message{body}{id}",
        "key": "$Message{key}",
        "from": "$Message{headers}{X-From}",
        "note": "no. $Message{body}{id}",
    }
    async with shop(tmp_path, a_broker(server), kept) as ductape:
        for number in range(3):
            message = {"id": number, "text": {"$literal": "costs $Session{x}"}}
            job = a_publish(message, key=f"k{number}", headers={"X-From": "test"})
            await ductape.processor.job.schedule(job, timeout=20)
        job = a_subscription(input=mapping, max_messages=3)
        result = await ductape.processor.job.schedule(job, timeout=20)
        (subscribed,) = await ductape.jobs.list(kind="subscribe")
        taken = await ductape.jobs.list(event="take")
        for one in taken:
            await ductape.processor.job.wait(one["id"], timeout=20)
    assert result == {"received": 3, "dispatched": 3}
    assert subscribed["status"] == "completed"
    assert sorted(kept.inputs, key=lambda one: str(one["number"])) == [
        {
            "order": {"id": number, "text": "costs $Session{x}"},
            "number": number,
            "key": f"k{number}",
            "from": "test",
            "note": f"no. {number}",
        }
        for number in range(3)
    ]
    assert {one["metadata"]["topic"] for one in taken} == {"bus:orders"}


async def test_a_message_delivered_twice_makes_one_job(
    tmp_path: Path, server: Valkey, redis: Redis
) -> None:
    async with shop(tmp_path, a_broker(server)) as ductape:
        await redis.xadd("orders", {"body": "1"})
        job = ductape.processor.job
        asked = a_subscription(max_messages=1, group="billing")
        first = await job.schedule(asked, timeout=20)
        await redis.xgroup_setid("orders", "billing", "0")
        again = await job.schedule(asked, timeout=20)
        jobs = await ductape.jobs.list(event="take")
    assert first == {"received": 1, "dispatched": 1}
    assert again == {"received": 1, "dispatched": 0}
    assert len(jobs) == 1


async def test_poison_goes_to_the_dead_letters_with_its_reason(
    tmp_path: Path, server: Valkey, redis: Redis
) -> None:
    async with shop(tmp_path, a_broker(server), max_deliveries=3) as ductape:
        for body in ('{"id": 1}', "no order", '{"id": 3}'):
            await redis.xadd("orders", {"body": body, "headers": '{"X-From": "test"}'})
        job = a_subscription(input={"id": "$Message{body}{id}"}, max_messages=3)
        result = await ductape.processor.job.schedule(job, timeout=20)
    ((_, letter),) = await redis.xrange("orders-dead")
    pending = await redis.xpending("orders", "ductape-shop-dev-take")
    assert result == {"received": 3, "dispatched": 2}
    assert pending["pending"] == 0
    assert letter[b"body"] == b"no order"
    headers = msgspec.json.decode(letter[b"headers"], type=dict[str, str])
    assert headers["X-From"] == "test"
    assert headers["Ductape-Code"] == "REFERENCE_MISSING"
    assert headers["Ductape-Deliveries"] == "3"
    assert headers["Ductape-Topic"] == "bus:orders"
    assert "$Message{body}{id}" in headers["Ductape-Reason"]


async def test_poison_without_dead_letters_is_dropped_with_a_warning(
    tmp_path: Path, server: Valkey, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    async with shop(tmp_path, a_broker(server)) as ductape:
        await redis.xadd("bare", {"body": "no order"})
        job = a_subscription("bus:bare", input={"id": "$Message{body}{id}"}, max_messages=1)
        result = await ductape.processor.job.schedule(job, timeout=20)
    assert result == {"received": 1, "dispatched": 0}
    assert "dropped after 2 deliveries" in caplog.text


async def test_a_duration_ends_a_subscription(tmp_path: Path, server: Valkey) -> None:
    async with shop(tmp_path, a_broker(server)) as ductape:
        receipt = await ductape.processor.job.dispatch(a_subscription(duration=300))
        result = await ductape.processor.job.wait(receipt["job_id"], timeout=20)
    assert result == {"received": 0, "dispatched": 0}


async def test_a_standing_subscription_goes_on_after_a_restart_and_ends_when_cancelled(
    tmp_path: Path, server: Valkey, redis: Redis
) -> None:
    kept = Kept()
    async with shop(tmp_path, a_broker(server), kept) as ductape:
        receipt = await ductape.processor.job.dispatch(a_subscription())
        await redis.xadd("orders", {"body": '"first"'})
        await until_taken(ductape, 1)
    await redis.xadd("orders", {"body": '"meanwhile"'})
    async with shop(tmp_path, a_broker(server), kept) as ductape:
        await until_taken(ductape, 2)
        await ductape.jobs.cancel(receipt["job_id"])
        with pytest.raises(JobCancelled):
            await ductape.processor.job.wait(receipt["job_id"], timeout=20)
        view = await ductape.jobs.get(receipt["job_id"])
    assert [one["order"] for one in kept.inputs] == ["first", "meanwhile"]
    assert [one["status"] for one in view["attempts"]] == ["interrupted", "cancelled"]
    assert view["retry_count"] == 0


async def test_a_graceful_stop_does_not_wait_for_a_standing_subscription(
    tmp_path: Path, server: Valkey
) -> None:
    async with shop(tmp_path, a_broker(server)) as ductape:
        receipt = await ductape.processor.job.dispatch(a_subscription())
        await until_running(ductape, receipt["job_id"])
        began_s = asyncio.get_running_loop().time()
    # The grace time is 30 s.
    assert asyncio.get_running_loop().time() - began_s < 5


async def test_a_standing_subscription_waits_for_a_broker_that_is_away(tmp_path: Path) -> None:
    kept, folder = Kept(), tmp_path / "valkey"
    folder.mkdir()
    async with valkey(folder) as server:
        port = server.port
        broker = a_broker(server)
        async with shop(tmp_path, broker, kept) as ductape:
            receipt = await ductape.processor.job.dispatch(a_subscription())
            await ductape.processor.job.schedule(a_publish("before"), timeout=20)
            await until_taken(ductape, 1)
            server.process.kill()
            await server.process.wait()
            async with valkey(folder, port=port):
                await ductape.processor.job.schedule(a_publish("after"), timeout=20)
                await until_taken(ductape, 2)
                view = await ductape.jobs.get(receipt["job_id"])
    assert [one["order"] for one in kept.inputs] == ["before", "after"]
    assert view["status"] == "running"
    assert [one["status"] for one in view["attempts"]] == ["running"]


async def test_nothing_is_fetched_while_the_queue_is_deep(
    tmp_path: Path, server: Valkey, redis: Redis
) -> None:
    config = {"subscribe": {"deepest_queue": 5}}
    store = f"sqlite:///{tmp_path / 'shop.db'}"
    async with Ductape.open(store, config={**config, "store": store}) as ductape:
        await ductape.products.apply(
            {**product(a_broker(server)), "jobs": [{"tag": "take", "handler": "python"}]}
        )
        for _ in range(20):
            await redis.xadd("orders", {"body": "1"})
        job = a_subscription(duration=1_500, queue="narrow")
        result = await ductape.processor.job.schedule(job, timeout=20)
        # No worker here has the handler, so that the queue stays as deep as it is.
        queues = {one["name"]: one["queued"] for one in await ductape.queues.list()}
    assert result == {"received": 5, "dispatched": 5}
    assert queues["narrow"] == 5


@pytest.mark.parametrize(
    ("broker", "code"),
    [
        ({"url": "redis://127.0.0.1:1/0"}, "CONNECTION_ERROR"),
        ({"url": "redis://10.1.2.3:6379/0"}, "FORBIDDEN"),
        ({"url": "redis://127.0.0.1:1/0", "allow_private": False}, "FORBIDDEN"),
    ],
)
async def test_a_broker_out_of_reach_is_told_by_its_code(
    tmp_path: Path, broker: dict[str, object], code: str
) -> None:
    async with shop(tmp_path, {"type": "redis", **broker}) as ductape:
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule(a_publish("x"), timeout=20)
    assert caught.value.error["code"] == code


async def test_wrong_credentials_are_told_and_right_ones_work(tmp_path: Path) -> None:
    async with valkey(tmp_path, password="open sesame") as server:
        broker = {**a_broker(server), "password": "$Secret{redis}"}
        async with shop(tmp_path, broker) as ductape:
            await ductape.secrets.set("redis", "wrong one", product="shop")
            with pytest.raises(JobFailed) as caught:
                await ductape.processor.job.schedule(a_publish("x"), timeout=20)
            await ductape.secrets.set("redis", "open sesame", product="shop")
            result = await ductape.processor.job.schedule(a_publish("y"), timeout=20)
    assert caught.value.error["code"] == "UNAUTHORIZED"
    assert "wrong one" not in caught.value.error["message"]
    assert isinstance(result, dict)


async def test_an_unknown_callback_is_told_at_once(tmp_path: Path, server: Valkey) -> None:
    async with shop(tmp_path, a_broker(server)) as ductape:
        with pytest.raises(NotFound) as caught:
            await ductape.processor.job.dispatch(a_subscription(callback="tke"))
        assert await ductape.jobs.list() == []
    assert caught.value.path == "input.callback"
    assert "called `tke`" in caught.value.message


async def test_what_its_callback_never_takes_is_told_at_once(
    tmp_path: Path, server: Valkey
) -> None:
    """Each would make poison of every message."""
    more = {
        "functions": [{"tag": "add", "handler": "python", "input": {"a": {"type": "INTEGER"}}}],
        "jobs": [{"tag": "points", "event_type": "function", "event_tag": "add"}],
    }
    async with shop(tmp_path, a_broker(server)) as ductape:
        await ductape.products.apply({**product(a_broker(server)), **more})

        async def faults_of(**parts: object) -> list[str]:
            with pytest.raises(ValidationError) as raised:
                await ductape.processor.job.dispatch(a_subscription(**parts))
            return sorted(one["path"] for one in raised.value.errors)

        wrong = {"payload": {"a": "one"}, "pay": "$Message{body}"}
        paths = ["input.input.pay", "input.input.payload.a"]
        assert await faults_of(callback="add", input=wrong) == paths
        assert await faults_of(callback="points", input=wrong) == paths
        beside = await faults_of(callback="add", input=wrong, max_messages=-1)
        assert beside == [*paths, "input.max_messages"]
        assert await faults_of(callback="bus:bare", input={"mesage": 1}) == ["input.input"]
        assert await faults_of(app="nowhere") == ["input.app"]
        right = {"payload": {"a": "$Message{body}{a}", "b": {"$literal": "$x"}}}
        for callback in ("add", "points"):
            asked = a_subscription(callback=callback, input=right, duration=1)
            assert (await ductape.processor.job.dispatch(asked))["status"] == "queued"


async def test_a_topic_does_not_feed_itself(tmp_path: Path, server: Valkey) -> None:
    async with shop(tmp_path, a_broker(server)) as ductape:
        own = a_subscription(callback="bus:orders", input={"message": "$Message{body}"})
        with pytest.raises(ValidationError) as raised:
            await ductape.processor.job.dispatch(own)
        assert raised.value.path == "input.callback"
        other = a_subscription(callback="bus:bare", input={"message": "$Message{body}"}, duration=1)
        assert (await ductape.processor.job.dispatch(other))["status"] == "queued"


async def test_both_forms_run_at_once(tmp_path: Path, server: Valkey) -> None:
    async with shop(tmp_path, a_broker(server)) as ductape:
        asked = a_publish({"id": 1})
        del asked["start_at"]
        published = await ductape.processor.broker.publish(asked)
        asked = a_subscription(max_messages=1)
        del asked["start_at"]
        taken = await ductape.processor.broker.subscribe(asked)
    assert isinstance(published, dict)
    assert taken == {"received": 1, "dispatched": 1}


async def test_the_example_runs(tmp_path: Path, server: Valkey) -> None:
    program = Path(__file__).parents[2] / "examples/brokers/run.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable, program, server.url, cwd=tmp_path, stdout=PIPE
    )
    printed, _ = await process.communicate()
    lines = printed.decode().splitlines()
    assert process.returncode == 0
    assert [line.partition(" ")[0] for line in lines[:3]] == ["published"] * 3
    assert lines[3] == "subscribed {'received': 3, 'dispatched': 2}"
    assert sorted(lines[4:]) == ["took 1 for Ada", "took 3 for Cy"]


async def test_a_callback_that_is_gone_is_waited_for(
    tmp_path: Path, server: Valkey, redis: Redis
) -> None:
    store, kept = f"sqlite:///{tmp_path / 'shop.db'}", Kept()
    plain = product(a_broker(server))
    declared = {**plain, "jobs": [{"tag": "take", "handler": "python"}]}
    async with Ductape.open(store, config={}) as ductape:
        await ductape.products.apply(declared)
        receipt = await ductape.processor.job.dispatch(a_subscription())
        await redis.xadd("orders", {"body": '"first"'})
        await until_noted(ductape, receipt["job_id"])
        await ductape.products.apply(plain, force=True)
        await redis.xadd("orders", {"body": '"second"'})
    async with Ductape.open(store, config={}, handlers=kept.handlers) as ductape:
        await until_taken(ductape, 2)
        view = await ductape.jobs.get(receipt["job_id"])
    assert [one["order"] for one in kept.inputs] == ["first", "second"]
    assert view["status"] == "running"
    assert await redis.exists("orders-dead") == 0


async def until_noted(ductape: Ductape, job_id: str) -> None:
    """Wait until a subscription has noted that it received something."""
    async for view in ductape.jobs.watch(job_id):
        if view["progress"] is not None and view["progress"]["done"]:
            return


async def test_a_sensitive_topic_stands_is_taken_over_and_is_not_stranded(
    tmp_path: Path, server: Valkey
) -> None:
    kept = Kept()
    async with shop(tmp_path, a_broker(server), kept, sensitive=True) as ductape:
        receipt = await ductape.processor.job.dispatch(a_subscription())
        await ductape.processor.job.schedule(a_publish("first"), timeout=20)
        await until_taken(ductape, 1)
    # The topic changes while the subscription lives; nothing is forced.
    async with shop(tmp_path, a_broker(server), kept, sensitive=True, max_deliveries=2) as ductape:
        without = product(a_broker(server))
        without["brokers"] = []
        with pytest.raises(Conflict):
            await ductape.products.apply(without)
        await ductape.processor.job.schedule(a_publish("second"), timeout=20)
        await until_taken(ductape, 2)
        view = await ductape.jobs.get(receipt["job_id"])
    assert [one["order"] for one in kept.inputs] == ["first", "second"]
    assert view["status"] == "running"
