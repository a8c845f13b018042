"""A broker's topic, as it is in an env: published to or subscribed to, as the input says."""

import msgspec

from ductape.domain.definitions.broker import BrokerServer, BrokerTopic, TopicTarget
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product.addresses import Address
from ductape.domain.product.choice import TopicChoice
from ductape.domain.product.format.broker import Broker, BrokerEnv, Topic
from ductape.domain.product.format.document import Env, Product
from ductape.domain.product.kinds.making import first, given, in_env, plain, target
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target


def resolve_topic(product: Product, env: Env, address: Address) -> TopicChoice:
    """Return the choice between publishing to a topic and subscribing to it."""
    tag, _, named = address.event.partition(":")
    broker = next(one for one in product.brokers if one.tag == tag)
    topic = next(one for one in broker.topics if one.tag == named)
    return TopicChoice(
        publish=_target(product, env, JobEventTypes.PUBLISH, broker, topic),
        subscribe=_target(product, env, JobEventTypes.SUBSCRIBE, broker, topic),
    )


def _target(
    product: Product, env: Env, kind: JobEventTypes, broker: Broker, topic: Topic
) -> Target:
    dead = next((one for one in broker.topics if one.tag == topic.dead_letter), None)
    definition = TopicTarget(
        broker=broker.tag,
        server=_server_in(env, broker),
        topic=_topic(topic),
        dead_letter=None if dead is None else _topic(dead),
        max_deliveries=topic.max_deliveries,
    )
    event = f"{broker.tag}:{topic.tag}"
    return target(product, env, kind, event, plain(definition), sensitive=topic.sensitive)


def _server_in(env: Env, broker: Broker) -> BrokerServer:
    here = in_env(broker.envs, env) or BrokerEnv(slug=env.slug)
    private = first(here.allow_private, broker.allow_private, env.allow_private)
    reached = {**_reaching(broker), **_reaching(here), "allow_private": private}
    return msgspec.convert(reached, BrokerServer)


def _reaching(part: Broker | BrokerEnv) -> JsonObject:
    """Return what a part says about the server; no servers say nothing."""
    said = set(BrokerServer.__struct_fields__) - (set() if part.servers else {"servers"})
    return {name: value for name, value in given(part).items() if name in said}


def _topic(topic: Topic) -> BrokerTopic:
    return BrokerTopic(
        tag=topic.tag,
        name=topic.name or topic.tag,
        exchange=topic.exchange,
        routing_key=topic.routing_key,
        stream=topic.stream,
        start=topic.start,
        ack_wait=topic.ack_wait,
    )
