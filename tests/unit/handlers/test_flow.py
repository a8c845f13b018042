"""A subscription whose broker's client misbehaves as no real one does at will."""

# ruff: noqa: ARG002 (what stands in for a port takes what the port is given)

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from ductape.domain.jsonvalue import JsonObject
from ductape.domain.request import JobEventTypes
from ductape.errors import ProviderError
from ductape.handlers.broker import SubscribeHandler
from ductape.ports.broker import Delivery, Outgoing, Place
from ductape.ports.dispatch import Order
from tests.unit.handlers.builders import FixedClock, RecordingContext, an_invocation

TOPIC: JsonObject = {
    "broker": "bus",
    "server": {"type": "redis", "url": "redis://cache"},
    "topic": {"tag": "orders", "name": "orders"},
}


class Deaf:
    """A consumer whose client swallows the one cancellation that there is."""

    def __init__(self) -> None:
        self.fetching = asyncio.Event()
        self.fetches = 0

    async def fetch(self, most: int, wait_ms: int) -> Sequence[Delivery]:
        self.fetches += 1
        self.fetching.set()
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            return []
        return []

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        raise AssertionError("nothing was given")

    async def release(self, delivery: Delivery, delay_ms: int) -> None:
        raise AssertionError("nothing was given")


class Brokers:
    """Brokers that give one consumer, or fail."""

    def __init__(self, consumer: Deaf | None) -> None:
        self._consumer = consumer
        self.asked = asyncio.Event()

    async def publish(self, place: Place, message: Outgoing, *, timeout_ms: int) -> str:
        raise AssertionError("nothing is published")

    @asynccontextmanager
    async def consume(self, place: Place, group: str, member: str) -> AsyncGenerator[Deaf]:
        self.asked.set()
        if self._consumer is None:
            raise ProviderError("CONNECTION_ERROR", "nobody there")
        yield self._consumer


class SetBack(Deaf):
    """Gives two messages, the clock set back by two hours before the second; then nothing."""

    def __init__(self, clock: FixedClock) -> None:
        super().__init__()
        self._clock = clock

    async def fetch(self, most: int, wait_ms: int) -> Sequence[Delivery]:
        if self.fetches == 2:
            return await super().fetch(most, wait_ms)
        self.fetches += 1
        if self.fetches == 2:
            self._clock.now -= 7_200_000
        return [Delivery(id=str(self.fetches), body=b"{}", mark=None)]

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        return


class NoJobs:
    """Stores nothing."""

    async def refuse_unknown(self, product: str, env: str, event: str, app: str | None) -> None:
        return

    async def dispatch(self, order: Order) -> bool:
        raise AssertionError("nothing was given")

    async def dispatch_many(self, orders: Sequence[Order]) -> list[bool]:
        return [True for _ in orders]

    async def waiting(self, queue: str) -> int:
        return 0


def subscribing(
    brokers: Brokers, context: RecordingContext, clock: FixedClock | None = None
) -> "asyncio.Task[object]":
    handler = SubscribeHandler(brokers, NoJobs(), clock or FixedClock())
    given: JsonObject = {"callback": "take"}
    invocation = an_invocation(JobEventTypes.SUBSCRIBE, TOPIC, given, context=context)
    return asyncio.ensure_future(handler(invocation))


async def test_a_swallowed_cancellation_is_heeded_all_the_same() -> None:
    deaf, context = Deaf(), RecordingContext()
    task = subscribing(Brokers(deaf), context)
    await deaf.fetching.wait()
    context.cancelled = True
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert deaf.fetches == 1


async def test_one_that_waits_for_a_broker_stops_when_it_is_told() -> None:
    context = RecordingContext()
    brokers = Brokers(None)
    task = subscribing(brokers, context)
    await brokers.asked.wait()
    context.cancelled = True
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


async def test_how_far_it_is_stays_noted_where_the_clock_was_set_back() -> None:
    clock, context = FixedClock(), RecordingContext()
    consumer = SetBack(clock)
    task = subscribing(Brokers(consumer), context, clock)
    await asyncio.wait_for(consumer.fetching.wait(), 5)
    context.cancelled = True
    task.cancel()
    await asyncio.wait((task,))
    noted = [one["received"] for one in context.checkpoints if isinstance(one, dict)]
    assert noted == [1, 2]
