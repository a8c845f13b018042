"""A notification, as it is in one env: its providers and its message."""

from typing import Literal

from msgspec import Struct, field

from ductape.domain.definitions.auth import Auth
from ductape.domain.jsonvalue import JsonObject


class MessageTemplate(Struct, frozen=True, omit_defaults=True):
    """A defined message; any text may hold `{{variables}}`."""

    tag: str
    locale: str | None = None
    push_notification: JsonObject | None = None
    email: JsonObject | None = None
    """`{subject, template}` (HTML) and optionally `text`."""
    sms: JsonObject | None = None
    """`{body}`."""
    callback: JsonObject | None = None


class PushProvider(Struct, frozen=True, omit_defaults=True):
    """Where push notifications go."""

    type: Literal["expo", "fcm"] = "expo"
    url: str | None = None
    """None: the service's own."""
    access_token: str | None = None
    project_id: str = ""
    service_account: str = ""
    """JSON."""


class EmailProvider(Struct, frozen=True, omit_defaults=True):
    """Where e-mail goes."""

    host: str
    port: int = 587
    sender: str = ""
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = None


class SmsProvider(Struct, frozen=True, omit_defaults=True):
    """Which service sends text messages; each has its own names for its two credentials."""

    type: Literal["twilio", "plivo", "vonage"]
    sender: str
    url: str | None = None
    """None: the service's own."""
    account_sid: str = ""
    auth_id: str = ""
    auth_token: str = ""
    api_key: str = ""
    api_secret: str = ""


class CallbackProvider(Struct, frozen=True, omit_defaults=True):
    """Where an HTTP callback goes."""

    url: str
    method: Literal["POST", "PUT", "PATCH", "GET"] = "POST"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    auth: Auth | None = None


class NotificationTarget(Struct, frozen=True, omit_defaults=True):
    """A notification for one env: its providers, and the message where one is defined."""

    locale: str | None = None
    """The env's."""
    message: MessageTemplate | None = None
    push: PushProvider | None = None
    email: EmailProvider | None = None
    sms: SmsProvider | None = None
    callback: CallbackProvider | None = None
    allow_private: bool = False
