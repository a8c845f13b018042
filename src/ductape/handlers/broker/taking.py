"""One message of a subscription: it becomes a job, or it is tried again, or it is given up.

A message that no job can be made of (its mapping misses something, its event refuses the input) is
poison. It is let come again until it has been delivered `max_deliveries` times, for the definition
may be mended meanwhile; then it goes to the dead-letter topic with the reason in its headers, or
is dropped with a warning where the topic names none.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Literal, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.definitions.broker import TopicTarget
from ductape.domain.inputs.topic import MAPPING, Subscription
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import DuctapeError, NotFound, ProviderError, StoreError, invalid
from ductape.handlers.broker.messages import shown
from ductape.handlers.broker.publish import place_of
from ductape.ports.broker import Brokers, Delivery, Outgoing, Place
from ductape.ports.dispatch import Dispatch, Order
from ductape.ports.handler import Invocation

log = logging.getLogger("ductape")

Fate = Literal["new", "known", "again", "given up"]
"""A job was stored, it was there already, the message comes again, it never will."""

DEAD_LETTER = "dead_letter"
"""The path of what goes wrong with the topic for what is given up."""

_FIRST_DELAY_MS = 100
_LONGEST_DELAY_MS = 10_000
_MOST_COUNTED = 10_000
_LONGEST_REASON = 500
_LONGEST_TAG = 200
_PUBLISH_MS = 30_000


class Taken(Struct, frozen=True):
    """What has become of a message."""

    delivery: Delivery
    fate: Fate
    delay_ms: int = 0


class Taking:
    """Makes jobs of messages for one subscription."""

    def __init__(
        self,
        invocation: Invocation,
        target: TopicTarget,
        asked: Subscription,
        group: str,
        brokers: Brokers,
        dispatch: Dispatch,
    ) -> None:
        """Store through `dispatch`, give up through `brokers`."""
        self._invocation = invocation
        self._target = target
        self.place = place_of(invocation, target)
        self._asked = asked
        self._group = group
        self._brokers = brokers
        self._dispatch = dispatch
        self._seen: OrderedDict[str, int] = OrderedDict()
        """How often a message failed here: not every broker counts."""

    async def take_all(self, deliveries: Sequence[Delivery]) -> list[Taken | BaseException]:
        """Store the jobs of messages; what is no fault of a message stands in its place.

        Together where that can be. Where one of them is poison, only one by one tells which.
        """
        try:
            orders = [self._order(one) for one in deliveries]
            if len({order.key for order in orders}) == len(orders):
                new = await self._dispatch.dispatch_many(orders)
                return [self._stored(*one) for one in zip(deliveries, new, strict=True)]
        except DuctapeError as error:
            if not _is_poison(error):
                raise
        return await asyncio.gather(*map(self.take, deliveries), return_exceptions=True)

    async def take(self, delivery: Delivery) -> Taken:
        """Store the job of a message; raises what is no fault of the message."""
        try:
            new = await self._dispatch.dispatch(self._order(delivery))
        except DuctapeError as error:
            if not _is_poison(error):
                raise
            return await self._poison(delivery, error)
        return self._stored(delivery, new)

    def _stored(self, delivery: Delivery, new: bool) -> Taken:  # noqa: FBT001 (as the store tells)
        self._seen.pop(delivery.identity, None)
        return Taken(delivery, "new" if new else "known")

    def _order(self, delivery: Delivery) -> Order:
        asked, invocation = self._asked, self._invocation
        event = invocation.target.event
        return Order(
            product=invocation.product,
            env=invocation.env,
            event=asked.callback,
            input=self._input(delivery),
            key=job_key(event, self._group, delivery.identity),
            app=asked.app,
            queue=asked.queue,
            metadata={"topic": event, "message_id": delivery.id[:_LONGEST_TAG]},
        )

    def _input(self, delivery: Delivery) -> JsonObject:
        message = shown(delivery, self._target.topic.tag)
        mapping = self._asked.input
        if mapping is None:
            body = message["body"]
            return body if isinstance(body, dict) else {"body": body}
        filled = self._invocation.engine.mapped({MAPPING: mapping}, {"Message": message})
        made = cast("JsonObject", filled)[MAPPING]
        if not isinstance(made, dict):
            raise invalid("input.input", "a mapping that makes an object", "another value")
        return made

    async def _poison(self, delivery: Delivery, error: DuctapeError) -> Taken:
        count = max(delivery.deliveries, self._seen.get(delivery.identity, 0) + 1)
        if count < self._target.max_deliveries:
            self._count(delivery.identity, count)
            delay_ms = min(_FIRST_DELAY_MS * 2 ** (count - 1), _LONGEST_DELAY_MS)
            return Taken(delivery, "again", delay_ms)
        self._seen.pop(delivery.identity, None)
        await self._give_up(replace(delivery, deliveries=count), error)
        return Taken(delivery, "given up")

    def _count(self, identity: str, count: int) -> None:
        self._seen[identity] = count
        while len(self._seen) > _MOST_COUNTED:
            self._seen.popitem(last=False)

    async def _give_up(self, delivery: Delivery, error: DuctapeError) -> None:
        event, dead = self._invocation.target.event, self._target.dead_letter
        if dead is None:
            text = "message %s of %s is dropped after %d deliveries (%s): it has no dead_letter"
            log.warning(text, delivery.id, event, delivery.deliveries, error.code)
            return
        place = Place(
            self._invocation.product,
            self._invocation.env,
            self._target.broker,
            self._target.server,
            dead,
        )
        letter = _letter(delivery, error, event)
        try:
            await self._brokers.publish(place, letter, timeout_ms=_PUBLISH_MS)
        except ProviderError as error_of_letter:
            error_of_letter.path = DEAD_LETTER
            raise
        text = "message %s of %s went to its dead letters after %d deliveries (%s)"
        log.warning(text, delivery.id, event, delivery.deliveries, error.code)


def job_key(event: str, group: str, identity: str) -> str:
    """Name the job of a message: whatever is delivered twice makes one job.

    >>> job_key("bus:orders", "billing", "1-0") == job_key("bus:orders", "billing", "1-0")
    True
    """
    parts: list[JsonValue] = [event, group, identity]
    return "message:" + blake2b(msgspec.json.encode(parts), digest_size=20).hexdigest()


def _letter(delivery: Delivery, error: DuctapeError, event: str) -> Outgoing:
    reason = " ".join(error.message.split())[:_LONGEST_REASON]
    told = {
        "Ductape-Topic": event,
        "Ductape-Message-Id": delivery.id,
        "Ductape-Deliveries": str(delivery.deliveries),
        "Ductape-Code": error.code,
        "Ductape-Reason": reason.encode("ascii", "replace").decode(),
    }
    return Outgoing(
        body=delivery.body,
        content_type="application/octet-stream",
        id=f"dead:{delivery.identity}",
        key=delivery.key,
        headers={**delivery.headers, **told},
    )


def may_pass(error: DuctapeError) -> bool:
    """Tell whether waiting may mend what went wrong, between us and the broker or the store."""
    if isinstance(error, ProviderError):
        return error.code in _PASSING
    return not _is_poison(error)


def _is_poison(error: DuctapeError) -> bool:
    """Tell a message's own fault from the store's, and from an event that is gone for all."""
    gone = isinstance(error, NotFound) and error.path in _OF_ALL
    return not gone and not isinstance(error, StoreError)


_OF_ALL = frozenset({"event", "env", "app", "product_tag"})


_PASSING = frozenset(
    {
        "TIMEOUT",
        "RATE_LIMITED",
        "SERVICE_UNAVAILABLE",
        "CONNECTION_ERROR",
        "CONNECTION_LOST",
        "PROVIDER_ERROR",
    }
)
