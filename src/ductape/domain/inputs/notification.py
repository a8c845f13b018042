"""The input of a notification, checked against its message and providers (SPEC 9).

`{slug, push_notification{title, body, data, device_token}, email{to, subject, template},
sms{to, body}, callback{query, params, body, headers}}`, at least one channel; `null` and `{}`
mean that a channel is not wanted.
"""

from collections.abc import Callable
from typing import Literal

from ductape.domain.found import kind_of
from ductape.domain.inputs.channels import (
    Review,
    callback_faults,
    email_faults,
    push_faults,
    sms_faults,
    unknown_keys,
)
from ductape.domain.inputs.content import locales_of
from ductape.domain.inputs.pending import pending
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.errors import Fault, fault

Channel = Literal["push_notification", "email", "sms", "callback"]
CHANNELS: tuple[Channel, ...] = ("push_notification", "email", "sms", "callback")
"""In the order of sending."""

_PROVIDERS: dict[Channel, str] = {
    "push_notification": "push",
    "email": "email",
    "sms": "sms",
    "callback": "callback",
}


def check_notification(definition: JsonObject, given: JsonObject, *, resolved: bool) -> list[Fault]:
    """Tell everything that is wrong with a notification's input.

    `definition` is a `NotificationTarget` as JSON, its references perhaps unresolved.
    """
    faults = unknown_keys(given, ("slug", *CHANNELS), "input")
    slug = given.get("slug")
    if slug is not None and not isinstance(slug, str):
        faults.append(fault("input.slug", "the tag of a message", kind_of(slug)))
    if not wanted_channels(given):
        faults.append(fault("input", f"at least one of {', '.join(CHANNELS)}", "none"))
    for channel in wanted_channels(given):
        faults += _channel_faults(definition, channel, given[channel], resolved=resolved)
    return faults


def wanted_channels(given: JsonObject) -> list[Channel]:
    """Return the channels that an input asks for, in the order of sending.

    >>> wanted_channels({"email": {"to": "ada@example.org"}, "callback": {}})
    ['email']
    """
    return [channel for channel in CHANNELS if given.get(channel) not in (None, {})]


def _channel_faults(
    definition: JsonObject, channel: Channel, part: JsonValue, *, resolved: bool
) -> list[Fault]:
    path = f"input.{channel}"
    provider = definition.get(_PROVIDERS[channel])
    if not isinstance(provider, dict):
        return [fault(path, "a channel that the env has a provider for", "one without")]
    if pending(part, resolved=resolved):
        return []
    if not isinstance(part, dict):
        return [fault(path, "an object", kind_of(part))]
    review = _review(definition, channel, part, resolved=resolved)
    return _CHECKS[channel](review, provider)


_CHECKS: dict[Channel, Callable[[Review, JsonObject], list[Fault]]] = {
    "push_notification": lambda review, _: push_faults(review),
    "email": lambda review, _: email_faults(review),
    "sms": lambda review, _: sms_faults(review),
    "callback": lambda review, provider: callback_faults(review, provider.get("url")),
}


def _review(
    definition: JsonObject, channel: Channel, part: JsonObject, *, resolved: bool
) -> Review:
    message = _object(definition.get("message"))
    return Review(
        path=f"input.{channel}",
        defined=_object(message.get(channel)),
        given=part,
        locales=locales_of(_text(message.get("locale")), _text(definition.get("locale"))),
        resolved=resolved,
    )


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
