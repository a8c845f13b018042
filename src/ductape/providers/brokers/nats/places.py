"""Where a topic is in JetStream: the stream that keeps its subject, a group's durable consumer.

A durable is named by its group *and* its subject, for a consumer reads one subject and a stream may
keep many. Before, the group alone named it: one of that name and subject is used on, with what
its group has acknowledged.
"""

# pyright: reportUnknownMemberType=false
# nats-py has annotations for a part of what is called here only.

import re
from hashlib import blake2b

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError

from ductape.domain.definitions.broker import BrokerTopic
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import ProviderError

MOST_UNACKNOWLEDGED = 10_000

_NAMELESS = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_PART = 80
"""Of a group or subject within a durable's name, which is a file's name too."""
_DIGEST_BYTES = 6
_NOT_KEPT = frozenset({10_059, 10_093})
"""NATS's numbers for a stream that is not there, and for a subject that a stream does not keep."""
_ANSWER_S = 5.0
"""As long as the client itself waits for JetStream."""


async def place_of(client: Client, topic: BrokerTopic, group: str) -> tuple[str, str]:
    """Return the stream to read a topic from and the group's consumer; what is missing is made."""
    stream = topic.stream or await _keeper_of(client, topic)
    try:
        return stream, await _durable_of(client, stream, topic, group)
    except APIError as error:
        if error.err_code not in _NOT_KEPT:
            raise
    stream = await made(client, topic)
    return stream, await _durable_of(client, stream, topic, group)


async def _keeper_of(client: Client, topic: BrokerTopic) -> str:
    try:
        return await client.jetstream().find_stream_name_by_subject(topic.name)
    except NotFoundError:
        return await made(client, topic)


async def made(client: Client, topic: BrokerTopic) -> str:
    """Let the topic's stream keep its subject: make it, or add the subject to it."""
    name = topic.stream or _NAMELESS.sub("-", topic.name)
    try:
        config = await _config_of(client, name)
    except NotFoundError:
        await client.jetstream().add_stream(name=name, subjects=[topic.name])
        return name
    if not config.get("mirror") and not config.get("sources"):  # Those take what others keep.
        await _widen(client, name, config, topic.name)
    return name


async def _durable_of(client: Client, stream: str, topic: BrokerTopic, group: str) -> str:
    """Return the name of a group's durable consumer; one is made where none is.

    Raises `ProviderError` where one of that name reads another subject.
    """
    manager = client.jetstream()
    before = _NAMELESS.sub("-", group)
    if await _filter_of(manager, stream, before) == [topic.name]:
        return before
    name = durable_name(group, topic.name)
    found = await _filter_of(manager, stream, name)
    if found is None:
        await manager.add_consumer(stream, _consumer(topic, name))
    elif found != [topic.name]:
        raise ProviderError(
            "VALIDATION_ERROR",
            f"the consumer `{name}` of the NATS stream `{stream}` reads"
            f" {', '.join(found) or 'every subject'}, not `{topic.name}`",
            hint="delete that consumer, or give the subscription another `group`",
        )
    return name


def durable_name(group: str, subject: str) -> str:
    """Name the consumer of a group and a subject: legible, and unlike that of any others.

    >>> durable_name("billing", "orders.paid")
    'billing_orders-paid_092bda52be22'
    """
    parts = [_NAMELESS.sub("-", one)[:_LONGEST_PART] for one in (group, subject)]
    digest = blake2b(msgspec.json.encode([group, subject]), digest_size=_DIGEST_BYTES)
    return "_".join([*parts, digest.hexdigest()])


async def _filter_of(manager: JetStreamContext, stream: str, durable: str) -> list[str] | None:
    """Return the subjects that a consumer reads, none for all of its stream's; none without it."""
    try:
        config = (await manager.consumer_info(stream, durable)).config
    except NotFoundError:
        return None
    return config.filter_subjects or ([config.filter_subject] if config.filter_subject else [])


def _consumer(topic: BrokerTopic, durable: str) -> ConsumerConfig:
    oldest = topic.start == "oldest"
    return ConsumerConfig(
        durable_name=durable,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=topic.ack_wait / 1000,
        deliver_policy=DeliverPolicy.ALL if oldest else DeliverPolicy.NEW,
        filter_subject=topic.name,
        max_ack_pending=MOST_UNACKNOWLEDGED,
    )


class _Answer(Struct, frozen=True):
    """What the server says of a stream; its configuration untouched."""

    config: JsonObject = {}
    error: JsonObject | None = None


async def _config_of(client: Client, stream: str) -> JsonObject:
    return (await _asked(client, f"$JS.API.STREAM.INFO.{stream}", None)).config


async def _widen(client: Client, stream: str, config: JsonObject, subject: str) -> None:
    """Send a stream's configuration back with one subject more.

    As the server gave it: the client's own shape of it knows less, and would drop the rest.
    """
    kept = config.get("subjects")
    subjects: list[JsonValue] = [*kept] if isinstance(kept, list) else []
    if subject in subjects:  # Somebody else was quicker.
        return
    wanted: JsonObject = {**config, "subjects": [*subjects, subject]}
    await _asked(client, f"$JS.API.STREAM.UPDATE.{stream}", wanted)


async def _asked(client: Client, subject: str, request: JsonObject | None) -> _Answer:
    """Ask JetStream; raises its `APIError`."""
    payload = b"" if request is None else msgspec.json.encode(request)
    said = await client.request(subject, payload, timeout=_ANSWER_S)
    answer = msgspec.json.decode(said.data, type=_Answer)
    if answer.error is not None:
        APIError.from_error(answer.error)
    return answer
