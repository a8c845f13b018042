"""The inputs of a broker's topic: `{message, key, headers}`, or a subscription (SPEC 9).

A subscription's `input` is a mapping: it is filled for each message, so that it is kept apart when
the rest of the input is resolved. Spans are milliseconds; 0 means without end.
"""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct, field

from ductape.domain.found import kind_of, listed, path_to
from ductape.domain.inputs.channels import unknown_keys
from ductape.domain.inputs.pending import pending
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.nearest import hint_for
from ductape.domain.parsing.scalars import COUNT_MAX, NAME_CHARACTERS, SPAN_MAX_MS
from ductape.domain.references import uses
from ductape.domain.request import JobEventTypes
from ductape.errors import Fault, fault

MAPPING = "input"
"""The member of a subscription's input that is filled for each message."""

MESSAGE_HAS = ("id", "topic", "key", "headers", "body", "encoding", "deliveries", "published_at")
"""What `$Message{…}` reads."""

AFTER_DURATION_MS = 60_000
"""What an attempt gets on top of its subscription's duration (SPEC 1)."""

_PUBLISH = ("message", "key", "headers")
_SUBSCRIBE = ("callback", "input", "max_messages", "duration", "group", "app", "queue")
_LONGEST_KEY = 1_024
_LONGEST_SHOWN = 60
_HEADER_NAME = frozenset(
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)


class Published(Struct, frozen=True):
    """What is to be published."""

    message: JsonValue
    key: str | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


class Subscription(Struct, frozen=True):
    """What a subscription asks for."""

    callback: str
    """The event that each message becomes a job of."""
    input: JsonValue = None
    """The mapping; none takes the message's body."""
    max_messages: int = 0
    duration: int = 0
    group: str | None = None
    app: str | None = None
    """Of a callback that several apps have."""
    queue: str = "default"
    """Of the jobs."""


def check_publish(definition: JsonObject, given: JsonObject, *, resolved: bool) -> list[Fault]:  # noqa: ARG001 (as every check)
    """Tell everything that is wrong with what is to be published."""
    faults = unknown_keys(given, _PUBLISH, "input")
    key, headers = given.get("key"), given.get("headers")
    if key is not None and not pending(key, resolved=resolved):
        faults += _text_faults(key, "input.key", _LONGEST_KEY)
    if headers is not None and not pending(headers, resolved=resolved):
        faults += _header_faults(headers, resolved=resolved)
    return faults


def check_subscribe(definition: JsonObject, given: JsonObject, *, resolved: bool) -> list[Fault]:  # noqa: ARG001 (as every check)
    """Tell everything that is wrong with a subscription."""
    faults = unknown_keys(given, _SUBSCRIBE, "input")
    for name in ("callback", "group", "app", "queue"):
        value = given.get(name)
        if value is not None and not pending(value, resolved=resolved):
            faults += _text_faults(value, f"input.{name}", NAME_CHARACTERS)
    for name, most in (("max_messages", COUNT_MAX), ("duration", SPAN_MAX_MS - AFTER_DURATION_MS)):
        value = given.get(name)
        if value is not None and not pending(value, resolved=resolved):
            faults += _count_faults(value, f"input.{name}", most)
    mapping = given.get(MAPPING)
    if mapping is not None and not isinstance(mapping, (dict, str)):
        faults.append(fault("input.input", "an object of `$Message{…}`", kind_of(mapping)))
    elif isinstance(mapping, str) and "$" not in mapping:
        faults.append(fault("input.input", "an object, or one `$Message{…}`", "a text"))
    return faults


def read_publish(given: JsonObject) -> Published:
    """Read an input that has been checked."""
    return msgspec.convert(_given(given), Published)


def read_subscribe(given: JsonObject) -> Subscription:
    """Read an input that has been checked."""
    return msgspec.convert(_given(given), Subscription)


def apart(kind: JobEventTypes, given: JsonObject) -> tuple[JsonObject, JsonObject]:
    """Part an input into what is resolved for an attempt and what its handler fills itself.

    >>> apart(JobEventTypes.SUBSCRIBE, {"callback": "a", "input": {"id": "$Message{id}"}})
    ({'callback': 'a'}, {'input': {'id': '$Message{id}'}})
    """
    if kind is not JobEventTypes.SUBSCRIBE or MAPPING not in given:
        return given, {}
    rest = {name: value for name, value in given.items() if name != MAPPING}
    return rest, {MAPPING: given[MAPPING]}


def message_faults(mapping: JsonObject) -> Iterator[Fault]:
    """Tell what a mapping, kept apart, asks for and no message has: it would make poison of all.

    >>> [one["path"] for one in message_faults({"input": {"id": "$Message{bodi}{id}"}})]
    ['input.input.id']
    """
    for use in uses(mapping):
        if use.name == "Message" and use.segments and use.segments[0] not in MESSAGE_HAS:
            member = use.segments[0][:_LONGEST_SHOWN]
            expected = f"a part of a message: {listed(MESSAGE_HAS)}"
            hint = hint_for(member, MESSAGE_HAS, {})
            yield fault(use.path, expected, f"`$Message{{{member}}}`", hint=hint)


def timeout_of(kind: JobEventTypes, given: Mapping[str, JsonValue]) -> int | None:
    """Return how long one attempt may take by its kind and input, in ms; none leaves it open.

    >>> timeout_of(JobEventTypes.SUBSCRIBE, {"duration": 5000}), timeout_of(JobEventTypes.JOB, {})
    (65000, None)
    """
    if kind is not JobEventTypes.SUBSCRIBE:
        return None
    duration = given.get("duration")
    ends = isinstance(duration, int) and not isinstance(duration, bool) and duration > 0
    return duration + AFTER_DURATION_MS if ends and isinstance(duration, int) else SPAN_MAX_MS


def _given(members: JsonObject) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}


def _text_faults(value: JsonValue, path: str, most: int) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield fault(path, "a text", kind_of(value))
    elif not 1 <= len(value) <= most or not value.isprintable():
        expected = f"1 to {most} printable characters"
        yield fault(path, expected, f"{len(value)} characters" if value else "nothing")


def _count_faults(value: JsonValue, path: str, most: int) -> Iterator[Fault]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield fault(path, "an integer, 0 for no end", kind_of(value))
    elif not 0 <= value <= most:
        yield fault(path, f"an integer from 0 to {most}", str(value))


def _header_faults(headers: JsonValue, *, resolved: bool) -> Iterator[Fault]:
    if not isinstance(headers, dict):
        yield fault("input.headers", "an object of texts", kind_of(headers))
        return
    for name, value in headers.items():
        path = path_to("input.headers", name)
        if not name or not set(name) <= _HEADER_NAME:
            yield fault(path, "a header's name of letters, digits and `-`", "another text")
        elif not pending(value, resolved=resolved) and (
            not isinstance(value, str) or not (value.isprintable() or not value)
        ):
            yield fault(path, "a text on one line", kind_of(value))
