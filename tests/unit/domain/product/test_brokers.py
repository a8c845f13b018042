"""Brokers and topics in a product: what is refused, and what an event names (SPEC 8, 9)."""

import msgspec
import pytest

from ductape.domain.definitions.broker import TopicTarget
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product import Choice, Question, choose, parse_product, resolve, secrets_of
from ductape.domain.product.addresses import reachable
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.errors import Fault, ValidationError
from tests.unit.catalog.builders import by_path


def a_document(*brokers: JsonObject, **parts: object) -> JsonObject:
    envs = [{"slug": "dev", "allow_private": True}, {"slug": "prd"}]
    document: JsonObject = {"tag": "shop", "envs": envs, "brokers": [*brokers]}
    return {**document, **parts}  # pyright: ignore[reportReturnType] (a test's own JSON)


def a_broker(**parts: object) -> JsonObject:
    topics = [{"tag": "orders", "name": "orders.all", "dead_letter": "dead"}, {"tag": "dead"}]
    made = {"tag": "bus", "type": "redis", "url": "redis://cache", "topics": topics, **parts}
    return msgspec.convert(made, dict)


def faults_of(*brokers: JsonObject, **parts: object) -> dict[str, Fault]:
    with pytest.raises(ValidationError) as caught:
        parse_product(a_document(*brokers, **parts))
    return by_path(caught.value)


def topic_in(env: str, given: JsonObject, broker: JsonObject | None = None) -> Target:
    product = parse_product(a_document(broker or a_broker()))
    choice = resolve(product, Question(env, "bus:orders"))
    assert isinstance(choice, Choice)
    return choose(choice, given)


def test_a_message_publishes_and_a_callback_subscribes() -> None:
    published = topic_in("dev", {"message": {}})
    subscribed = topic_in("dev", {"callback": "take"})
    assert (published.kind, published.event) == (JobEventTypes.PUBLISH, "bus:orders")
    assert (subscribed.kind, subscribed.event) == (JobEventTypes.SUBSCRIBE, "bus:orders")


@pytest.mark.parametrize(
    ("given", "found"),
    [({}, "neither"), ({"message": 1, "callback": "take"}, "both"), ({"message": None}, "neither")],
)
def test_both_and_neither_are_refused(given: JsonObject, found: str) -> None:
    with pytest.raises(ValidationError, match=found):
        topic_in("dev", given)


def test_an_envs_entry_wins_field_by_field() -> None:
    envs = [{"slug": "prd", "url": "rediss://live", "password": "$Secret{live}"}]
    broker = a_broker(username="ada", envs=envs)
    dev = msgspec.convert(topic_in("dev", {"message": 1}, broker).definition, TopicTarget)
    prd = msgspec.convert(topic_in("prd", {"message": 1}, broker).definition, TopicTarget)
    assert (dev.server.url, dev.server.username, dev.server.password) == (
        "redis://cache",
        "ada",
        None,
    )
    assert (prd.server.url, prd.server.username, prd.server.password) == (
        "rediss://live",
        "ada",
        "$Secret{live}",
    )
    assert (dev.server.allow_private, prd.server.allow_private) == (True, False)


def test_an_entry_that_names_no_servers_leaves_those_beside_it() -> None:
    envs = [{"slug": "dev", "tls": True}, {"slug": "prd", "servers": ["live:9092"]}]
    broker = a_broker(type="kafka", url=None, servers=["dev:9092"], envs=envs)
    for env, server in (("dev", "dev:9092"), ("prd", "live:9092")):
        definition = topic_in(env, {"message": 1}, broker).definition
        assert msgspec.convert(definition, TopicTarget).server.servers == (server,)


def test_a_topic_brings_its_name_and_its_dead_letters() -> None:
    target = msgspec.convert(topic_in("dev", {"message": 1}).definition, TopicTarget)
    assert target.topic.name == "orders.all"
    assert target.dead_letter is not None
    assert target.dead_letter.name == "dead"
    assert target.max_deliveries == 5


def test_a_topic_can_be_reached_in_both_ways() -> None:
    kinds = {kind for _, kind, event, _ in reachable(parse_product(a_document(a_broker())))}
    assert kinds == {JobEventTypes.PUBLISH, JobEventTypes.SUBSCRIBE}


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        ("redis", "url"),
        ("rabbitmq", "url"),
        ("nats", "url"),
        ("kafka", "servers"),
        ("sqs", "region"),
        ("pubsub", "project"),
    ],
)
def test_each_type_needs_what_it_is_reached_by(kind: str, needed: str) -> None:
    assert faults_of({"tag": "bus", "type": kind}).keys() == {f"brokers[0].{needed}"}


def test_what_every_env_gives_is_not_missed() -> None:
    envs = [{"slug": slug, "url": f"redis://{slug}"} for slug in ("dev", "prd")]
    parse_product(a_document(a_broker(url=None, envs=envs)))
    assert "prd" in faults_of(a_broker(url=None, envs=envs[:1]))["brokers[0].url"]["message"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://cache", "redis://"),
        ("redis://", "redis://"),
        ("redis://:hunter2@cache", "without credentials"),
    ],
)
def test_a_url_that_cannot_work_is_refused(url: str, expected: str) -> None:
    assert expected in faults_of(a_broker(url=url))["brokers[0].url"]["message"]


def test_credentials_are_secrets() -> None:
    assert faults_of(a_broker(password="hunter2")).keys() == {"brokers[0].password"}
    good = a_broker(password="$Secret{redis}", url="redis://ada@cache")
    assert secrets_of(parse_product(a_document(good))) == {"redis"}


def test_dead_letters_go_to_another_topic_of_the_broker() -> None:
    where = "brokers[0].topics[0].dead_letter"
    unknown = a_broker(topics=[{"tag": "orders", "dead_letter": "ded"}, {"tag": "dead"}])
    assert "did you mean `dead`?" in faults_of(unknown)[where]["message"]
    own = a_broker(topics=[{"tag": "orders", "dead_letter": "orders"}])
    assert where in faults_of(own)


def test_servers_are_hosts_with_ports() -> None:
    broker: JsonObject = {"tag": "bus", "type": "kafka", "servers": ["kafka:9092", "kafka"]}
    assert faults_of(broker).keys() == {"brokers[0].servers[1]"}


def test_a_message_is_no_reference_of_a_definition() -> None:
    broker = a_broker(url="redis://$Message{host}")
    assert "brokers[0].url" in faults_of(broker)
