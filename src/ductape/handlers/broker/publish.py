"""Publishes one message, and answers with the broker's id of it.

Every attempt carries the same id: as the broker's own mark against repeats where it has one, and as
the header `Idempotency-Key` for whoever reads.
"""

from ductape.domain.definitions.broker import TopicTarget
from ductape.domain.definitions.reading import Reading
from ductape.domain.inputs.topic import read_publish
from ductape.domain.jsonvalue import JsonValue
from ductape.handlers.broker.messages import written
from ductape.ports.broker import Brokers, Outgoing, Place
from ductape.ports.clock import Clock
from ductape.ports.handler import Invocation

IDEMPOTENCY_HEADER = "Idempotency-Key"


class PublishHandler:
    """`ports.handler.Handler` for the kind `publish`."""

    def __init__(self, brokers: Brokers, clock: Clock) -> None:
        """Publish through `brokers`."""
        self._brokers = brokers
        self._clock = clock
        self._definitions = Reading(TopicTarget)

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Publish and return `{id}`; raises `ProviderError` where the broker has not confirmed."""
        target = self._definitions.of(invocation.target)
        context = invocation.context
        given = read_publish(invocation.input)
        body, content_type = written(given.message)
        key = context.idempotency_key
        message = Outgoing(
            body=body,
            content_type=content_type,
            id=key,
            key=given.key,
            headers={IDEMPOTENCY_HEADER: key, **given.headers},
        )
        left_ms = max(context.deadline_ms - self._clock.now_ms(), 1)
        found = await self._brokers.publish(
            place_of(invocation, target), message, timeout_ms=left_ms
        )
        return {"id": found}


def place_of(invocation: Invocation, target: TopicTarget) -> Place:
    """Return the topic that an invocation means."""
    return Place(invocation.product, invocation.env, target.broker, target.server, target.topic)
