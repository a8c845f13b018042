"""The course of one subscription: fetch, store, acknowledge, note, until its end.

What it has done is noted in the run's checkpoint, so that it goes on where it was wherever the run
is taken up again. Without an end in time it waits for a broker or a store that is away; with one
the run's own retries do. It fetches nothing while the queue of its jobs is deep.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from ductape.domain.inputs.topic import Subscription
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.request import RetryPolicy
from ductape.domain.retry import delay_ms
from ductape.domain.standing import ATTEMPT
from ductape.errors import DuctapeError, NotFound, ProviderError
from ductape.handlers.broker.taking import DEAD_LETTER, Taken, Taking, may_pass
from ductape.ports.broker import Brokers, Consumer, Delivery
from ductape.ports.clock import Clock
from ductape.ports.dispatch import Dispatch
from ductape.ports.handler import Invocation

log = logging.getLogger("ductape")

BATCH = 100
"""Messages fetched, stored and acknowledged together, at most."""

_REACHED_MS = 5_000
"""How long a broker may take to be reached, also where the subscription lasts no longer."""
_IDLE_MS = 1_000
"""How long one fetch waits for a first message."""
_NOTE_EVERY_MS = 1_000
_LOOK_EVERY_MS = 5_000
_LOOK_AGAIN_S = 0.25
_AWAY = RetryPolicy(initial_delay_ms=250, max_delay_ms=30_000, jitter=False)


@dataclass(frozen=True)
class Sources:
    """What every subscription works with."""

    brokers: Brokers
    dispatch: Dispatch
    clock: Clock
    deepest_queue: int


@dataclass
class Tally:
    """How far a subscription is, all attempts of its run together."""

    since_ms: int
    received: int = 0
    dispatched: int = 0


class Flow:
    """One subscription under way."""

    def __init__(
        self,
        sources: Sources,
        invocation: Invocation,
        asked: Subscription,
        group: str,
        taking: Taking,
    ) -> None:
        """Begin where an earlier attempt has noted that it was."""
        self._sources = sources
        self._invocation = invocation
        self._asked = asked
        self._group = group
        self._taking = taking
        self._noted_ms: int | None = None
        self._room = 0
        self._looked_ms = 0
        noted = invocation.context.last_checkpoint
        self._reached = noted is not None
        """Whether its topic was there: what was and is gone may come back."""
        self.tally = _tally(noted, sources.clock.now_ms())

    async def run(self) -> None:
        """Take messages until the end; raises what cannot be waited for."""
        failures = 0
        while not self._over():
            self._heed_stop()
            try:
                async with self._opened() as consumer:
                    while not self._over():
                        self._heed_stop()
                        await self._round(consumer)
                        self._reached, failures = True, 0
            except DuctapeError as error:
                failures += 1
                await self._wait_out(error, failures)

    def _heed_stop(self) -> None:
        """Stop where a client's own waiting has swallowed the cancellation, as `wait_for` can."""
        if self._invocation.context.cancelled:
            raise asyncio.CancelledError

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[Consumer]:
        """Begin to consume; a broker that does not answer is not waited for beyond the duration."""
        place, member = self._taking.place, self._invocation.context.job_id
        most_ms = max(self._left_ms(), _REACHED_MS) if self._asked.duration else None
        async with AsyncExitStack() as stack:
            opened = self._sources.brokers.consume(place, self._group, member)
            patience = asyncio.timeout(None if most_ms is None else most_ms / 1000)
            try:
                async with patience:
                    consumer = await stack.enter_async_context(opened)
            except TimeoutError as error:
                if not patience.expired():
                    raise
                message = f"the broker `{place.broker}` gave no answer within {most_ms} ms"
                raise ProviderError("TIMEOUT", message) from error
            yield consumer

    async def _round(self, consumer: Consumer) -> None:
        most = min(await self._space(), self._wanted())
        if most <= 0:
            await asyncio.sleep(min(_LOOK_AGAIN_S, self._left_ms() / 1000))
            return
        deliveries = await consumer.fetch(most, min(_IDLE_MS, self._left_ms()))
        if deliveries:
            await self._take(consumer, deliveries)
        await self._note()

    async def _take(self, consumer: Consumer, deliveries: Sequence[Delivery]) -> None:
        """Store the jobs of a batch, then acknowledge: nothing before it is kept."""
        ends = await self._taking.take_all(deliveries)
        taken = [one for one in ends if isinstance(one, Taken)]
        done = [one.delivery for one in taken if one.fate != "again"]
        if done:
            await consumer.accept(done)
        self._count(taken)
        for one in taken:
            if one.fate == "again":
                await consumer.release(one.delivery, one.delay_ms)
        for one in ends:
            if isinstance(one, BaseException):
                raise one

    def _count(self, taken: list[Taken]) -> None:
        new = sum(one.fate == "new" for one in taken)
        self.tally.received += sum(one.fate != "again" for one in taken)
        self.tally.dispatched += new
        self._room -= new

    async def _space(self) -> int:
        """Return how many jobs the queue has room for: looked at now and then, or near its end."""
        now_ms = self._now_ms()
        if self._room < BATCH or now_ms - self._looked_ms >= _LOOK_EVERY_MS:
            waiting = await self._sources.dispatch.waiting(self._asked.queue)
            self._room, self._looked_ms = self._sources.deepest_queue - waiting, now_ms
        return min(self._room, BATCH)

    def _wanted(self) -> int:
        most = self._asked.max_messages
        return most - self.tally.received if most else BATCH

    def _left_ms(self) -> int:
        """Return how long the subscription still lasts; one fetch's time where it has no end."""
        if not self._asked.duration:
            return _IDLE_MS
        return max(self.tally.since_ms + self._asked.duration - self._now_ms(), 0)

    def _over(self) -> bool:
        return self._wanted() <= 0 or self._left_ms() <= 0

    async def _note(self) -> None:
        """Keep how far it is, now and then: at once where a number of messages ends it."""
        now_ms = self._now_ms()
        noted_ms = self._noted_ms
        fresh = noted_ms is not None and 0 <= now_ms - noted_ms < _NOTE_EVERY_MS
        tally = self.tally
        if fresh and not self._asked.max_messages:
            return
        context = self._invocation.context
        noted: JsonValue = {
            "since_ms": tally.since_ms,
            "received": tally.received,
            "dispatched": tally.dispatched,
            ATTEMPT: context.attempt,
        }
        if noted != context.last_checkpoint:
            await context.checkpoint(noted)
            await context.progress(tally.received, self._asked.max_messages or None)
        self._noted_ms = now_ms

    async def _wait_out(self, error: DuctapeError, failures: int) -> None:
        """Wait for what is away; raise what waiting does not mend."""
        if self._asked.duration or not (may_pass(error) or self._is_gone(error)):
            raise error
        wait_ms = delay_ms(_AWAY, failures, 0.0)
        event = self._invocation.target.event
        text = "the subscription to %s waits %d ms: %s"
        log.warning(text, event, wait_ms, error.message)
        await asyncio.sleep(wait_ms / 1000)

    def _is_gone(self, error: DuctapeError) -> bool:
        """Tell whether somebody has deleted the topic that it reads, who may make it again."""
        gone = isinstance(error, ProviderError) and error.code == NotFound.code
        return gone and self._reached and error.path != DEAD_LETTER

    def _now_ms(self) -> int:
        return self._sources.clock.now_ms()


def _tally(noted: JsonValue, now_ms: int) -> Tally:
    """Read what an earlier attempt has noted."""
    found = noted if isinstance(noted, dict) else {}
    return Tally(
        since_ms=_count_in(found.get("since_ms"), now_ms),
        received=_count_in(found.get("received"), 0),
        dispatched=_count_in(found.get("dispatched"), 0),
    )


def _count_in(value: JsonValue, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
