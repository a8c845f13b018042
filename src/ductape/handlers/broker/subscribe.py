"""Subscribes to a topic: each message becomes one durable job before it is acknowledged."""

from ductape.domain.definitions.broker import TopicTarget
from ductape.domain.definitions.reading import Reading
from ductape.domain.inputs.topic import read_subscribe
from ductape.domain.jsonvalue import JsonValue
from ductape.handlers.broker.flow import Flow, Sources
from ductape.handlers.broker.taking import Taking
from ductape.ports.broker import Brokers
from ductape.ports.clock import Clock
from ductape.ports.dispatch import Dispatch
from ductape.ports.handler import Invocation

DEEPEST_QUEUE = 10_000
"""With so many jobs waiting nothing more is fetched, unless the settings say otherwise."""


class SubscribeHandler:
    """`ports.handler.Handler` for the kind `subscribe`."""

    def __init__(
        self,
        brokers: Brokers,
        dispatch: Dispatch,
        clock: Clock,
        deepest_queue: int = DEEPEST_QUEUE,
    ) -> None:
        """Take messages from `brokers`, store jobs through `dispatch`."""
        self._sources = Sources(brokers, dispatch, clock, deepest_queue)
        self._definitions = Reading(TopicTarget)

    async def __call__(self, invocation: Invocation) -> JsonValue:
        """Take messages until the subscription's end; return `{received, dispatched}`."""
        target = self._definitions.of(invocation.target)
        asked = read_subscribe(invocation.input)
        product, env = invocation.product, invocation.env
        if invocation.context.last_checkpoint is None:  # Later on it is waited for.
            await self._sources.dispatch.refuse_unknown(product, env, asked.callback, asked.app)
        group = asked.group or default_group(product, env, asked.callback)
        brokers, dispatch = self._sources.brokers, self._sources.dispatch
        taking = Taking(invocation, target, asked, group, brokers, dispatch)
        flow = Flow(self._sources, invocation, asked, group, taking)
        await flow.run()
        return {"received": flow.tally.received, "dispatched": flow.tally.dispatched}


def default_group(product: str, env: str, callback: str) -> str:
    """Name the group of a subscription that names none: one for each callback.

    >>> default_group("shop", "prd", "orders:take")
    'ductape-shop-prd-orders-take'
    """
    plain = f"ductape-{product}-{env}-{callback}"
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in plain)
