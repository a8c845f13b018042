"""The bare client libraries, each in the plain way of its own documentation, 50 calls at a time."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

import aiosmtplib
import nats
from aiohttp import ClientSession
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError
from redis.asyncio import Redis

from bench.calls import AT_ONCE, BATCH
from bench.calls.messages import MAIL, MESSAGE, ORDER, SUBJECT
from bench.calls.pace import Pace, Watch
from bench.calls.partners import Partners

Call = Callable[[int], Awaitable[object]]
"""Makes one call, told its number."""


async def actions(partners: Partners, count: int, path: str = "/orders") -> Pace:
    """POST orders with aiohttp."""
    async with ClientSession() as session:

        async def call(number: int) -> None:
            headers = {"Idempotency-Key": f"order-{number}"}
            url = partners.http + path
            async with session.post(url, json=ORDER, headers=headers) as response:
                response.raise_for_status()
                await response.json()

        return await _pace(call, count)


async def far_actions(partners: Partners, count: int) -> Pace:
    """POST orders to the server that takes its time."""
    return await actions(partners, count, "/far")


async def mails(partners: Partners, count: int) -> Pace:
    """Send mails with aiosmtplib's one call, which is a connection each."""

    async def call(number: int) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = MAIL["from"], MAIL["to"], MAIL["subject"]
        mail["Date"], mail["Message-ID"] = formatdate(), f"<{number}@example.org>"
        mail.set_content(MAIL["text"])
        mail.add_alternative(MAIL["template"], subtype="html")
        await aiosmtplib.send(mail, hostname="127.0.0.1", port=partners.smtp_port, start_tls=False)

    return await _pace(call, count)


async def redis_publish(partners: Partners, count: int) -> Pace:
    """Add entries to a stream."""
    async with Redis.from_url(partners.redis) as redis:

        async def call(number: int) -> None:
            headers = json.dumps({"Idempotency-Key": str(number)})
            body = json.dumps(MESSAGE)
            await redis.xadd(SUBJECT, {"body": body, "headers": headers})

        return await _pace(call, count)


async def nats_publish(partners: Partners, count: int) -> Pace:
    """Publish to a stream of JetStream, and await its acknowledgement."""
    async with _nats(partners) as client:
        stream = client.jetstream()

        async def call(number: int) -> None:
            body = json.dumps(MESSAGE).encode()
            await stream.publish(SUBJECT, body, headers={"Nats-Msg-Id": f"bare-{number}"})

        return await _pace(call, count)


async def redis_one_by_one(partners: Partners, count: int) -> Pace:
    """Receive and acknowledge message by message, as 50 members of a group."""
    async with Redis.from_url(partners.redis) as redis:
        await redis.xgroup_create(SUBJECT, "bare", "0")

        async def call(number: int) -> None:
            member = f"m{number % AT_ONCE}"
            found = await redis.xreadgroup("bare", member, {SUBJECT: ">"}, count=1)
            for entry, fields in _entries(found):
                json.loads(fields[b"body"])
                await redis.xack(SUBJECT, "bare", entry)

        return await _pace(call, count)


async def redis_in_batches(partners: Partners, count: int) -> Pace:
    """Receive and acknowledge a hundred messages at a time, as one consumer."""
    async with Redis.from_url(partners.redis) as redis:
        await redis.xgroup_create(SUBJECT, "batches", "0")
        watch = Watch()
        for _ in range(count // BATCH):
            found = _entries(await redis.xreadgroup("batches", "m", {SUBJECT: ">"}, count=BATCH))
            for _, fields in found:
                json.loads(fields[b"body"])
            await redis.xack(SUBJECT, "batches", *(entry for entry, _ in found))
        return watch.pace(count)


async def nats_one_by_one(partners: Partners, count: int) -> Pace:
    """Fetch and acknowledge message by message, by 50 subscriptions to one durable consumer."""
    async with _nats(partners) as client:
        stream = client.jetstream()
        config = ConsumerConfig(max_ack_pending=BATCH * AT_ONCE)
        heard = [
            await stream.pull_subscribe(SUBJECT, durable="bare", config=config)
            for _ in range(AT_ONCE)
        ]

        async def call(_: int) -> None:
            mine = heard.pop()
            for message in await mine.fetch(1):
                json.loads(message.data)
                await message.ack()
            heard.append(mine)

        pace = await _pace(call, count)
        await client.flush()
        return pace


async def nats_in_batches(partners: Partners, count: int) -> Pace:
    """Fetch and acknowledge a hundred messages at a time."""
    async with _nats(partners) as client:
        heard = await client.jetstream().pull_subscribe(SUBJECT, durable="batches")
        watch = Watch()
        for _ in range(count // BATCH):
            for message in await heard.fetch(BATCH):
                json.loads(message.data)
                await message.ack()
            await client.flush()
        return watch.pace(count)


async def fill_redis(partners: Partners, count: int) -> None:
    """Begin an empty stream, and put messages into it."""
    async with Redis.from_url(partners.redis) as redis:
        await redis.delete(SUBJECT)
        async with redis.pipeline(transaction=False) as pipeline:
            for _ in range(count):
                pipeline.xadd(SUBJECT, {"body": json.dumps(MESSAGE)})
            await pipeline.execute()


async def fill_nats(partners: Partners, count: int) -> None:
    """Begin an empty stream, and put messages into it."""
    async with _nats(partners) as client:
        stream = client.jetstream()
        with suppress(NotFoundError):
            await stream.delete_stream(SUBJECT)
        await stream.add_stream(name=SUBJECT, subjects=[SUBJECT])
        body = json.dumps(MESSAGE).encode()
        for _ in range(0, count, AT_ONCE):
            await asyncio.gather(*(stream.publish(SUBJECT, body) for _ in range(AT_ONCE)))


async def _pace(call: Call, count: int) -> Pace:
    """Make calls from 50 tasks."""
    numbers = iter(range(count))

    async def caller() -> None:
        for number in numbers:
            await call(number)

    watch = Watch()
    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    return watch.pace(count)


@asynccontextmanager
async def _nats(partners: Partners) -> AsyncGenerator[nats.NATS]:
    client = await nats.connect(partners.nats)
    try:
        yield client
    finally:
        await client.close()


def _entries(found: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:  # noqa: ANN401 (redis-py's own)
    """Return the entries of the one stream that was read, in either form of the protocol."""
    if isinstance(found, dict):
        ((page,),) = found.values()
        return page
    return found[0][1]
