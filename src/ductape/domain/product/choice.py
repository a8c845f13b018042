"""Events that name several targets: which of them is meant, the input says (SPEC 8)."""

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product.missing import no_such
from ductape.domain.target import Target
from ductape.errors import invalid

_CHANNELS = ("push_notification", "email", "sms", "callback")


class MessageChoice(Struct, frozen=True):
    """A notification in one env: which message it carries, the input's `slug` says."""

    tag: str
    named: str | None
    """The message that the event has named already."""
    plain: Target
    """For content that the input brings."""
    messages: Mapping[str, Target]


class TopicChoice(Struct, frozen=True):
    """A broker's topic in one env: a `message` is published, a `callback` subscribes."""

    publish: Target
    subscribe: Target


Choice: TypeAlias = MessageChoice | TopicChoice


def choose(choice: Choice, input: JsonObject) -> Target:  # noqa: A002 (SPEC 1 names it so)
    """Return the target that an input chooses; raises `NotFound` or `ValidationError`."""
    match choice:
        case MessageChoice():
            return _message(choice, input)
        case TopicChoice():
            return _topic(choice, input)


def _message(choice: MessageChoice, given: JsonObject) -> Target:
    """Return the target that an input's `slug` chooses.

    A slug that no message defines is allowed where the input brings content of its own, else it
    is `NotFound`; raises `ValidationError` for a slug beside another one in the event.
    """
    slug = choice.named if given.get("slug") is None else given["slug"]
    if not isinstance(slug, str):
        return choice.plain
    if choice.named not in (None, slug):
        raise invalid("input.slug", f"`{choice.named}`, which the event names", repr(slug))
    chosen = choice.messages.get(slug)
    if chosen is not None:
        return chosen
    if any(given.get(channel) for channel in _CHANNELS):
        return choice.plain
    raise no_such("input.slug", f"message of `{choice.tag}`", slug, [*choice.messages])


def _topic(choice: TopicChoice, given: JsonObject) -> Target:
    """Return what an input asks for; raises `ValidationError` for both and for neither."""
    message, callback = (given.get(name) is not None for name in ("message", "callback"))
    if message is callback:
        expected = "a `message` to publish, or a `callback` to subscribe"
        raise invalid("input", expected, "both" if message else "neither")
    return choice.publish if message else choice.subscribe
