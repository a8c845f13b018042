"""An app: somebody else's HTTP service, its actions, credentials and values (SPEC 8, 9).

What stands beside `envs` holds in every env; an env's entry replaces it key by key, except that
`headers`, `query` and `params` are merged name by name.
"""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from ductape.domain.definitions.action import ContentType
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.pairs import Style
from ductape.domain.product.format.words import (
    AnswerBytes,
    AppAuthType,
    AuthStyle,
    Credential,
    Filled,
    Grant,
    Location,
    Name,
    Password,
    Tag,
    UserName,
    Words,
)

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "QUERY"]


class AppEnv(Struct, frozen=True):
    """Where an app is in one env."""

    slug: Tag
    base_url: Filled | None = None
    allow_private: bool | None = None
    """Asks to reach private addresses; none means what the product's env says."""


class AuthEnv(Struct, frozen=True):
    """What differs of an auth in one env."""

    slug: Tag
    token: Credential | None = None
    username: UserName | None = None
    password: Password | None = None
    value: Credential | None = None
    token_url: Filled | None = None
    client_id: Filled | None = None
    client_secret: Credential | None = None
    scope: Filled | None = None
    audience: Filled | None = None
    refresh_token: Credential | None = None


class AppAuth(Struct, frozen=True):
    """One way to tell the app who calls; credentials only as `$Secret{name}`."""

    tag: Tag
    type: AppAuthType
    description: Words | None = None
    token: Credential | None = None
    """Of a bearer."""
    username: UserName | None = None
    """Of basic; it may be written out."""
    password: Password | None = None
    name: Name | None = None
    """The header or query parameter of an API key."""
    location: Location | None = None
    """Where an API key goes; a header unless told otherwise."""
    value: Credential | None = None
    """The API key itself."""
    grant: Grant | None = None
    """Of OAuth2; the client's own credentials unless told otherwise."""
    token_url: Filled | None = None
    """Where OAuth2 tokens are got."""
    client_id: Filled | None = None
    client_secret: Credential | None = None
    scope: Filled | None = None
    """Separated by spaces."""
    audience: Filled | None = None
    refresh_token: Credential | None = None
    """Alone in `$Secret{name}`, the secret is kept up to date where the token URL rotates it."""
    auth_style: AuthStyle | None = None
    """Where the client's credentials go; the header unless told otherwise."""
    envs: tuple[AuthEnv, ...] = ()


class VariableEnv(Struct, frozen=True):
    """A variable's value in one env."""

    slug: Tag
    value: JsonValue


class Variable(Struct, frozen=True):
    """`$Variable{app}{key}`: a value that may differ by env."""

    key: Tag
    description: Words | None = None
    value: JsonValue | UnsetType = UNSET
    envs: tuple[VariableEnv, ...] = ()


class Constant(Struct, frozen=True):
    """`$Constant{app}{key}`: a value that is the same everywhere."""

    key: Tag
    value: JsonValue
    description: Words | None = None


class ActionEnv(Struct, frozen=True):
    """What differs of an action in one env."""

    slug: Tag
    resource: str | None = None
    auth: Tag | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    query: JsonObject = field(default_factory=dict[str, JsonValue])
    params: JsonObject = field(default_factory=dict[str, JsonValue])
    body: JsonValue = None


class Action(Struct, frozen=True):
    """One request that the app answers."""

    tag: Tag
    method: Method
    resource: str
    """A path below the base URL, with `:params`, as `/users/:id`; empty for that URL itself."""
    name: Name | None = None
    description: Words | None = None
    auth: Tag | None = None
    """The tag of one of the app's auths; none sends no credentials."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    query: JsonObject = field(default_factory=dict[str, JsonValue])
    params: JsonObject = field(default_factory=dict[str, JsonValue])
    """What the `:params` of the path are where the input gives none."""
    body: JsonValue = None
    """A default body; the input's fields win."""
    body_required: bool = False
    """Whether an input without any body is refused, where this has none either."""
    content_type: ContentType = "json"
    styles: dict[str, Style] = field(default_factory=dict[str, Style])
    """How single values of a request are written, as `{"query:ids": "comma"}`."""
    reserved: tuple[str, ...] = ()
    """`query:name` or `body:name` of values whose reserved signs are not percent-encoded."""
    part_types: dict[str, str] = field(default_factory=dict[str, str])
    """Of a body of several parts: field → the MIME type that its part says."""
    unique: tuple[str, ...] = ()
    """`part:name` of what is sent a UUID of the run's own, where the input gives none: alone, or
    for each `{unique}` in the default; `body` is a whole one."""
    request: JsonObject | None = None
    """The schema of the input: `{query|params|body|headers: {field: {type, required, …}}}`."""
    max_response_bytes: AnswerBytes = 1_048_576
    sensitive: bool = False
    envs: tuple[ActionEnv, ...] = ()


class App(Struct, frozen=True):
    """One connected app."""

    tag: Tag
    name: Name | None = None
    description: Words | None = None
    base_url: Filled | None = None
    allow_private: bool | None = None
    envs: tuple[AppEnv, ...] = ()
    auths: tuple[AppAuth, ...] = ()
    variables: tuple[Variable, ...] = ()
    constants: tuple[Constant, ...] = ()
    actions: tuple[Action, ...] = ()
