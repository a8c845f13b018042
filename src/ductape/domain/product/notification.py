"""A notification: through whom it goes in each env, and the messages it can carry (SPEC 8, 9).

What stands beside `envs` holds in every env; an env's entry replaces it, channel by channel.
"""

from typing import ClassVar, Literal

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.words import (
    AuthType,
    Credential,
    Filled,
    Location,
    Name,
    Port,
    Tag,
    Words,
)

EXPO = "https://exp.host/--/api/v2/push/send"


class Push(Struct, frozen=True):
    """Where push notifications go."""

    type: Literal["expo"] = "expo"
    url: Filled = EXPO
    access_token: Credential | None = None


class Email(Struct, frozen=True):
    """Which SMTP server takes the e-mail."""

    host: Filled
    sender: Filled
    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: Filled | None = None
    password: Credential | None = None


class CallbackAuth(Struct, frozen=True):
    """How a callback is told who calls; the fields are those of an app's auth."""

    type: AuthType
    token: Credential | None = None
    username: Filled | None = None
    password: Credential | None = None
    name: Name | None = None
    location: Location | None = None
    value: Credential | None = None


class Callback(Struct, frozen=True):
    """Where an HTTP callback goes."""

    url: Filled
    method: Literal["POST", "PUT", "PATCH", "GET"] = "POST"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    auth: CallbackAuth | None = None


class NotificationEnv(Struct, frozen=True):
    """A notification's providers in one env."""

    LATER: ClassVar[tuple[str, ...]] = ("sms",)

    slug: Tag
    locale: Tag | None = None
    """Instead of the product env's."""
    allow_private: bool | None = None
    push_notification: Push | None = None
    push: Push | None = None
    """A shorter name for `push_notification`."""
    email: Email | None = None
    callback: Callback | None = None


class PushContent(Struct, frozen=True):
    """What a push notification says: texts, or maps of locale to text."""

    title: JsonValue = None
    body: JsonValue = None
    data: JsonObject = field(default_factory=dict[str, JsonValue])


class EmailContent(Struct, frozen=True):
    """What an e-mail says: texts, or maps of locale to text."""

    subject: JsonValue = None
    template: JsonValue = None
    """HTML."""
    text: JsonValue = None
    """The part for readers without HTML; made of the template where left out."""


class CallbackContent(Struct, frozen=True):
    """What a callback sends."""

    query: JsonObject = field(default_factory=dict[str, JsonValue])
    params: JsonObject = field(default_factory=dict[str, JsonValue])
    body: JsonValue = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


class Message(Struct, frozen=True):
    """One message; any of its texts may hold `{{variables}}`."""

    LATER: ClassVar[tuple[str, ...]] = ("sms",)

    tag: Tag
    name: Name | None = None
    description: Words | None = None
    locale: Tag | None = None
    push_notification: PushContent | None = None
    email: EmailContent | None = None
    callback: CallbackContent | None = None


class Notification(Struct, frozen=True):
    """One notification with its messages."""

    LATER: ClassVar[tuple[str, ...]] = ("sms",)

    tag: Tag
    name: Name | None = None
    description: Words | None = None
    locale: Tag | None = None
    allow_private: bool | None = None
    push_notification: Push | None = None
    push: Push | None = None
    """A shorter name for `push_notification`."""
    email: Email | None = None
    callback: Callback | None = None
    sensitive: bool = False
    envs: tuple[NotificationEnv, ...] = ()
    messages: tuple[Message, ...] = ()
