"""Rules about brokers: each type has what it is reached by, and dead letters have a place to go."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from ductape.domain.definitions.broker import BrokerType
from ductape.domain.found import listed
from ductape.domain.parsing.nearest import hint_for
from ductape.domain.product.format.broker import Broker, BrokerEnv, Topic
from ductape.domain.product.format.document import Product
from ductape.errors import Fault, fault

SCHEMES: Mapping[BrokerType, tuple[str, ...]] = {
    "redis": ("redis", "rediss"),
    "rabbitmq": ("amqp", "amqps"),
    "nats": ("nats", "tls"),
}
"""Of the URLs that these are reached by."""

_REACHED_BY: Mapping[BrokerType, str] = {
    "redis": "url",
    "rabbitmq": "url",
    "nats": "url",
    "kafka": "servers",
    "sqs": "region",
    "pubsub": "project",
}


def broker_faults(product: Product) -> Iterator[Fault]:
    """Tell every broker that cannot be reached, and every dead-letter topic that is not there."""
    for at, broker in enumerate(product.brokers):
        path = f"brokers[{at}]"
        yield from _unreachable(product, broker, path)
        yield from _url_faults(broker, broker, path)
        for place, env in enumerate(broker.envs):
            yield from _url_faults(broker, env, f"{path}.envs[{place}]")
        yield from _dead_letter_faults(broker, path)


def _unreachable(product: Product, broker: Broker, path: str) -> Iterator[Fault]:
    name = _REACHED_BY[broker.type]
    if getattr(broker, name):
        return
    given = {env.slug for env in broker.envs if getattr(env, name)}
    for env in product.envs:
        if env.slug not in given:
            expected = f"`{name}`, which a broker of type {broker.type} is reached by"
            yield fault(f"{path}.{name}", expected, f"none for the env `{env.slug}`")


def _url_faults(broker: Broker, part: Broker | BrokerEnv, path: str) -> Iterator[Fault]:
    if part.url is not None:
        yield from _one_url(broker.type, part.url, f"{path}.url")
    for at, server in enumerate(part.servers):
        host, _, port = server.rpartition(":")
        if "$" not in server and not (host and port.isascii() and port.isdigit()):
            yield fault(f"{path}.servers[{at}]", "`host:port`", "another text")


def _one_url(kind: BrokerType, url: str, path: str) -> Iterator[Fault]:
    schemes = SCHEMES.get(kind)
    if schemes is None:
        yield fault(path, f"none for a broker of type {kind}", "one")
        return
    if _names_credential(kind, url):
        hint = "give `username` and `password` beside it"
        yield fault(path, "a URL without credentials", "one with", hint=hint)
    elif "$" not in url and not _reads(url, schemes):
        yield fault(path, f"a URL of {listed([f'{one}://' for one in schemes])}", "another text")


def _names_credential(kind: BrokerType, url: str) -> bool:
    """Tell whether a URL holds a literal password; what NATS has alone before `@` is a token.

    >>> _names_credential("redis", "redis://ada@cache/0")
    False
    >>> _names_credential("redis", "redis://:$Secret{redis}@cache/0")
    False
    >>> _names_credential("nats", "nats://s3cr3t@bus")
    True
    """
    username, colon, password = url.partition("://")[2].rpartition("@")[0].partition(":")
    said = password if colon else username if kind == "nats" else ""
    return bool(said) and "$Secret{" not in said


def _reads(url: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _dead_letter_faults(broker: Broker, path: str) -> Iterator[Fault]:
    tags = [topic.tag for topic in broker.topics]
    for at, topic in enumerate(broker.topics):
        dead, where = topic.dead_letter, f"{path}.topics[{at}].dead_letter"
        if dead is not None and dead not in tags:
            hint = hint_for(dead, tags, {})
            yield fault(where, "the tag of another topic of the broker", f"`{dead}`", hint=hint)
        elif dead == topic.tag:
            yield fault(where, "the tag of another topic", "its own")
    yield from _ring_faults(broker, path)


def _ring_faults(broker: Broker, path: str) -> Iterator[Fault]:
    """Tell every ring of dead letters once, at the topic that closes it.

    Topics are told apart as the broker does it: two tags may be two names of one.
    """
    topics = {topic.tag: topic for topic in broker.topics}
    done: set[str] = set()
    for start in topics:
        chain: list[Topic] = []
        topic = topics.get(start)
        while topic is not None and topic.tag not in done and topic.dead_letter != topic.tag:
            done.add(topic.tag)
            chain.append(topic)
            topic = topics.get(topic.dead_letter or "")
            if topic is not None and _place_of(topic) in map(_place_of, chain):
                at = [*topics].index(chain[-1].tag)
                yield _ring_fault([*chain, topic], f"{path}.topics[{at}].dead_letter")
                break


def _ring_fault(chain: list[Topic], path: str) -> Fault:
    places = [_place_of(topic) for topic in chain]
    drawn = " → ".join(f"`{topic.tag}`" for topic in chain[places.index(places[-1]) :])
    return fault(path, "a topic whose own dead letters do not come back", f"a ring: {drawn}")


def _place_of(topic: Topic) -> tuple[str | None, ...]:
    """Return where a topic's messages are."""
    return (topic.name or topic.tag, topic.exchange, topic.routing_key, topic.stream)
