"""What brokers do wrong: silence, garbage, cut lines, answers that are lost, messages too large."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import nats as nats_client
import pytest
from redis.asyncio import Redis

from ductape import JobFailed
from ductape.handlers.broker import flow
from tests.acceptance.brokers import Kept, a_publish, a_subscription, shop, until_taken
from tests.acceptance.test_brokers_alike import SQS_ACCOUNT
from tests.servers.nats import nats_server
from tests.servers.proxy import Proxy
from tests.servers.valkey import valkey

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[int]:
    """Run a server that is no broker, and give its port."""
    talks: list[asyncio.Task[None]] = []

    async def talk_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.ensure_future(_talked(talk, reader, writer)))

    server = await asyncio.start_server(talk_on, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for one in talks:
            one.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def _talked(talk: Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await talk(reader, writer)
    finally:
        writer.transport.abort()


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await reader.read(65_536):
        pass


async def babbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xff\x13 no broker says this \r\n" * 50)
    await silent(reader, writer)


async def hanging_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def at_port(kind: str, port: int) -> dict[str, object]:
    schemes = {"redis": "redis", "rabbitmq": "amqp", "nats": "nats"}
    match kind:
        case "kafka":
            return {"type": kind, "servers": [f"127.0.0.1:{port}"]}
        case "sqs":
            return {"type": kind, "endpoint": f"http://127.0.0.1:{port}", **SQS_ACCOUNT}
        case "pubsub":
            return {"type": kind, "endpoint": f"http://127.0.0.1:{port}", "project": "p"}
        case _:
            return {"type": kind, "url": f"{schemes[kind]}://127.0.0.1:{port}"}


KINDS = ["redis", "rabbitmq", "nats", "kafka", "sqs", "pubsub"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_silent_broker_is_left_in_time(tmp_path: Path, kind: str) -> None:
    async with talking(silent) as port, shop(tmp_path, at_port(kind, port)) as ductape:
        asked = {**a_publish("x"), "timeout": 700}
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule(asked, timeout=20)
    # Kafka's client may take silence for a server that is not there.
    expected = {"TIMEOUT", "CONNECTION_ERROR"} if kind == "kafka" else {"TIMEOUT"}
    assert caught.value.error["code"] in expected


@pytest.mark.parametrize("talk", [babbling, hanging_up])
@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_no_broker_is_told_by_a_provider_s_code(
    tmp_path: Path, kind: str, talk: Talk
) -> None:
    async with talking(talk) as port, shop(tmp_path, at_port(kind, port)) as ductape:
        asked = {**a_publish("x"), "timeout": 3_000}
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule(asked, timeout=20)
    assert caught.value.error["code"] in {
        "CONNECTION_ERROR",
        "CONNECTION_LOST",
        "PROVIDER_ERROR",
        "TIMEOUT",
    }


async def test_a_message_whose_answer_was_lost_is_kept_once_by_nats(tmp_path: Path) -> None:
    async with nats_server(tmp_path) as server:
        proxy = Proxy(server.port)
        await proxy.open()
        try:
            broker = {"type": "nats", "url": f"nats://127.0.0.1:{proxy.port}"}
            async with shop(tmp_path, broker) as ductape:
                await ductape.processor.job.schedule(a_publish("first"), timeout=20)
                proxy.swallow_answers()
                retrying = {"retries": 2, "retryConfig": {"initialDelay": 50, "jitter": False}}
                asked = {**a_publish("second"), "timeout": 1_000, **retrying}
                receipt = await ductape.processor.job.dispatch(asked)
                await ductape.processor.job.wait(receipt["job_id"], timeout=30)
                view = await ductape.jobs.get(receipt["job_id"])
        finally:
            await proxy.aclose()
        client = await nats_client.connect(server.url)
        info = await client.jetstream().stream_info("orders")
        await client.close()
    assert [one["status"] for one in view["attempts"]] == ["failed", "completed"]
    assert info.state.messages == 2


async def test_a_line_that_is_cut_loses_no_message(tmp_path: Path) -> None:
    kept = Kept()
    async with valkey(tmp_path) as server, Redis.from_url(server.url) as redis:
        proxy = Proxy(server.port)
        await proxy.open()
        try:
            broker = {"type": "redis", "url": f"redis://127.0.0.1:{proxy.port}/0"}
            async with shop(tmp_path, broker, kept) as ductape:
                receipt = await ductape.processor.job.dispatch(a_subscription())
                for number in range(10):
                    for part in range(5):
                        await redis.xadd("orders", {"body": str(number * 5 + part)})
                    await until_taken(ductape, number * 5)
                    proxy.cut()
                await until_taken(ductape, 50)
                view = await ductape.jobs.get(receipt["job_id"])
        finally:
            await proxy.aclose()
    assert sorted(str(one["order"]) for one in kept.inputs) == sorted(map(str, range(50)))
    assert view["status"] == "running"


async def test_a_message_too_large_for_a_job_goes_to_the_dead_letters(tmp_path: Path) -> None:
    async with valkey(tmp_path) as server, Redis.from_url(server.url) as redis:
        broker = {"type": "redis", "url": server.url}
        async with shop(tmp_path, broker, max_deliveries=1) as ductape:
            await redis.xadd("orders", {"body": b"x" * 3_000_000})
            asked = a_subscription(max_messages=1)
            result = await ductape.processor.job.schedule(asked, timeout=20)
        ((_, letter),) = await redis.xrange("orders-dead")
    assert result == {"received": 1, "dispatched": 0}
    assert len(letter[b"body"]) == 3_000_000
    assert b"VALIDATION_ERROR" in letter[b"headers"]


async def test_a_silent_broker_holds_a_short_subscription_no_longer_than_it_takes_to_be_reached(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(flow, "_REACHED_MS", 600)
    async with talking(silent) as port, shop(tmp_path, at_port("redis", port)) as ductape:
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule(a_subscription(duration=300), timeout=20)
    assert caught.value.error["code"] == "TIMEOUT"
