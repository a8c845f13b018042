"""A notification: through whom it goes in each env, and the messages it can carry (SPEC 8, 9).

What stands beside `envs` holds in every env; an env's entry replaces it, channel by channel.
"""

from typing import Literal

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product.format.words import (
    AuthType,
    Credential,
    Filled,
    Location,
    Name,
    Password,
    Port,
    Tag,
    UserName,
    Words,
)

PUSH_TYPES = Literal["expo", "fcm"]
SMS_TYPES = Literal["twilio", "plivo", "vonage"]


class Push(Struct, frozen=True):
    """Where push notifications go."""

    type: PUSH_TYPES = "expo"
    url: Filled | None = None
    """The service's own where left out; of FCM with or without its path."""
    access_token: Credential | None = None
    """Of Expo."""
    project_id: Filled | None = None
    """Of FCM."""
    service_account: Credential | None = None
    """Of FCM: the account's key file, whole, as JSON."""


class Email(Struct, frozen=True):
    """Which SMTP server takes the e-mail."""

    host: Filled
    sender: Filled
    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: Filled | None = None
    password: Credential | None = None


class Sms(Struct, frozen=True):
    """Which SMS service sends text messages, and from which number or name."""

    type: SMS_TYPES
    sender: Filled
    url: Filled | None = None
    """The service's own where left out; with or without its path."""
    account_sid: Filled | None = None
    """Of Twilio."""
    auth_id: Filled | None = None
    """Of Plivo."""
    auth_token: Credential | None = None
    """Of Twilio and Plivo."""
    api_key: Filled | None = None
    """Of Vonage."""
    api_secret: Credential | None = None


class CallbackAuth(Struct, frozen=True):
    """How a callback is told who calls; the fields are those of an app's auth."""

    type: AuthType
    token: Credential | None = None
    username: UserName | None = None
    password: Password | None = None
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

    slug: Tag
    locale: Tag | None = None
    """Instead of the product env's."""
    allow_private: bool | None = None
    push_notification: Push | None = None
    push: Push | None = None
    """A shorter name for `push_notification`."""
    email: Email | None = None
    sms: Sms | None = None
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


class SmsContent(Struct, frozen=True):
    """What a text message says: a text, or a map of locale to text."""

    body: JsonValue = None


class CallbackContent(Struct, frozen=True):
    """What a callback sends."""

    query: JsonObject = field(default_factory=dict[str, JsonValue])
    params: JsonObject = field(default_factory=dict[str, JsonValue])
    body: JsonValue = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


class Message(Struct, frozen=True):
    """One message; any of its texts may hold `{{variables}}`."""

    tag: Tag
    name: Name | None = None
    description: Words | None = None
    locale: Tag | None = None
    push_notification: PushContent | None = None
    email: EmailContent | None = None
    sms: SmsContent | None = None
    callback: CallbackContent | None = None


class Notification(Struct, frozen=True):
    """One notification with its messages."""

    tag: Tag
    name: Name | None = None
    description: Words | None = None
    locale: Tag | None = None
    allow_private: bool | None = None
    push_notification: Push | None = None
    push: Push | None = None
    """A shorter name for `push_notification`."""
    email: Email | None = None
    sms: Sms | None = None
    callback: Callback | None = None
    sensitive: bool = False
    envs: tuple[NotificationEnv, ...] = ()
    messages: tuple[Message, ...] = ()
