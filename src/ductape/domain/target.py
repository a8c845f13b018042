"""What an event resolves to: the thing to execute, with its definition for one env.

`definition` is plain JSON, references (`$Secret{…}`, `$Variable{…}{…}`) unresolved: the worker
resolves them for each attempt, then the kind's handler decodes it into the struct of its kind.
"""

from typing import Literal

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes


class Target(Struct, frozen=True):
    """One resolved event."""

    kind: JobEventTypes
    event: str
    """Its canonical address, as `orders:confirm` or `create_order`."""
    definition: JsonObject
    digest: bytes
    """Of the definition: part of the cache key (SPEC 7)."""
    app: str | None = None
    needs: str | None = None
    """The handler tag that a worker must have, as `job:tag` or `function:tag`."""
    sensitive: bool = False
    refers: bool = True
    """False where no part of it holds a reference: nothing has to be resolved for an attempt."""
    variables: dict[str, dict[str, JsonValue]] = field(
        default_factory=dict[str, dict[str, JsonValue]]
    )
    """`$Variable{app}{key}`: app → key → value, for this env."""
    constants: dict[str, dict[str, JsonValue]] = field(
        default_factory=dict[str, dict[str, JsonValue]]
    )
    auths: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    """`$Auth{tag}{field}` of the target's own app."""


class Auth(Struct, frozen=True, omit_defaults=True):
    """How an app wants to be told who calls."""

    tag: str
    type: Literal["bearer", "basic", "api_key"]
    token: str | None = None
    username: str | None = None
    password: str | None = None
    name: str | None = None
    """The header or query parameter of an API key."""
    location: Literal["header", "query"] = "header"
    value: str | None = None
    """The API key itself."""


class ActionTarget(Struct, frozen=True, omit_defaults=True):
    """An app's action for one env."""

    base_url: str
    resource: str
    """A path with `:params`, as `/users/:id`."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = "GET"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    query: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    body: JsonValue = None
    """A default body; the input's fields win."""
    auth: Auth | None = None
    request: JsonObject | None = None
    """The schema of `{query, params, body, headers}`: see `domain/inputs/schema.py`."""
    content_type: Literal["json", "form", "text"] = "json"
    allow_private: bool = False
    max_response_bytes: int = 1_048_576


class MessageTemplate(Struct, frozen=True, omit_defaults=True):
    """A defined message; any text may hold `{{variables}}`."""

    tag: str
    locale: str | None = None
    push_notification: JsonObject | None = None
    email: JsonObject | None = None
    """`{subject, template}` (HTML) and optionally `text`."""
    sms: JsonObject | None = None
    callback: JsonObject | None = None


class PushProvider(Struct, frozen=True, omit_defaults=True):
    """Where push notifications go."""

    type: Literal["expo"] = "expo"
    url: str = "https://exp.host/--/api/v2/push/send"
    access_token: str | None = None


class EmailProvider(Struct, frozen=True, omit_defaults=True):
    """Where e-mail goes."""

    host: str
    port: int = 587
    sender: str = ""
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = None


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
    callback: CallbackProvider | None = None
    allow_private: bool = False
