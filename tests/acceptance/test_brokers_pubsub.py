"""Google Pub/Sub by its published request shape, against a stand-in for Google (SPEC 9)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from ductape import Ductape, JobCancelled, JobFailed
from tests.acceptance.brokers import Kept, a_publish, a_subscription, shop, until_taken
from tests.servers.pubsub import PROJECT, PubSub, pubsub


@asynccontextmanager
async def a_shop(
    folder: Path, server: PubSub, kept: Kept | None = None, key_file: str | None = None
) -> AsyncIterator[Ductape]:
    broker: dict[str, object] = {
        "type": "pubsub",
        "project": PROJECT,
        "endpoint": server.url,
        "credentials": "$Secret{google}",
    }
    async with shop(folder, broker, kept, max_deliveries=2) as ductape:
        await ductape.secrets.set("google", key_file or server.key_file, product="shop")
        yield ductape


@pytest.fixture
async def server() -> AsyncIterator[PubSub]:
    async with pubsub("orders", "orders-dead") as running:
        yield running


async def test_what_is_published_arrives(tmp_path: Path, server: PubSub) -> None:
    kept = Kept()
    mapping = {
        "order": "$Message{body}{id}",
        "key": "$Message{key}",
        "from": "$Message{headers}{X-From}",
        "at": "$Message{published_at}",
        "id": "$Message{id}",
    }
    async with a_shop(tmp_path, server, kept) as ductape:
        job = ductape.processor.job
        await job.schedule(a_subscription(duration=200), timeout=20)
        asked = a_publish({"id": 7}, key="k", headers={"X-From": "test"})
        published = await job.schedule(asked, timeout=20)
        result = await job.schedule(a_subscription(input=mapping, max_messages=1), timeout=20)
        await until_taken(ductape, 1)
    assert published == {"id": "1"}
    assert result == {"received": 1, "dispatched": 1}
    at_ms = 1_767_323_045_678
    assert kept.inputs == [{"order": 7, "key": "k", "from": "test", "at": at_ms, "id": "1"}]
    (subscription,) = server.subscriptions.values()
    assert (subscription.waiting, subscription.out) == ([], {})
    assert server.tokens_given == 1


async def test_poison_goes_to_the_dead_letters(tmp_path: Path, server: PubSub) -> None:
    async with a_shop(tmp_path, server) as ductape:
        job = ductape.processor.job
        await job.schedule(a_subscription(duration=200), timeout=20)
        await job.schedule(a_publish("no order"), timeout=20)
        asked = a_subscription(input={"id": "$Message{body}{id}"}, max_messages=1)
        result = await job.schedule(asked, timeout=20)
    assert result == {"received": 1, "dispatched": 0}
    (letter,) = server.topics["orders-dead"]
    assert letter["attributes"]["Ductape-Code"] == "REFERENCE_MISSING"


async def test_a_subscription_that_is_stopped_pulls_no_more(tmp_path: Path, server: PubSub) -> None:
    async with a_shop(tmp_path, server) as ductape, asyncio.timeout(20):
        receipt = await ductape.processor.job.dispatch(a_subscription())
        while not server.pulling:  # noqa: ASYNC110 (the server tells nobody)
            await asyncio.sleep(0.01)
        await ductape.jobs.cancel(receipt["job_id"])
        with pytest.raises(JobCancelled):
            await ductape.processor.job.wait(receipt["job_id"])
        while server.pulling:  # noqa: ASYNC110 (it hears of it a little later)
            await asyncio.sleep(0.01)


async def test_a_refused_token_is_fetched_anew(tmp_path: Path, server: PubSub) -> None:
    async with a_shop(tmp_path, server) as ductape:
        job = ductape.processor.job
        await job.schedule(a_publish("x"), timeout=20)
        server.token = "ya29.second"
        with pytest.raises(JobFailed) as caught:
            await job.schedule(a_publish("x"), timeout=20)
        await job.schedule(a_publish("x"), timeout=20)
    assert caught.value.error["code"] == "UNAUTHORIZED"
    assert "ya29" not in caught.value.error["message"]
    assert server.tokens_given == 2


ANSWERS: dict[str, Callable[[], web.Response]] = {
    "RATE_LIMITED": lambda: web.json_response({}, status=429, headers={"Retry-After": "7"}),
    "SERVICE_UNAVAILABLE": lambda: web.json_response({}, status=503),
    "PROVIDER_ERROR": lambda: web.Response(text="garbage"),
    "FORBIDDEN": lambda: web.json_response({}, status=403),
}


@pytest.mark.parametrize("code", ANSWERS)
async def test_what_google_answers_is_told_by_its_code(
    tmp_path: Path, server: PubSub, code: str
) -> None:
    async with a_shop(tmp_path, server) as ductape:
        server.answers.append(ANSWERS[code]())
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule(a_publish("x"), timeout=20)
    assert caught.value.error["code"] == code


async def test_an_unknown_topic_is_told(tmp_path: Path) -> None:
    async with pubsub() as server, a_shop(tmp_path, server) as ductape:
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule(a_publish("x"), timeout=20)
    assert caught.value.error["code"] == "NOT_FOUND"


async def test_a_key_file_that_is_none_is_told(tmp_path: Path, server: PubSub) -> None:
    async with a_shop(tmp_path, server, key_file="open sesame") as ductape:
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule(a_publish("x"), timeout=20)
    assert caught.value.error["code"] == "UNAUTHORIZED"
    assert "open sesame" not in caught.value.error["message"]
