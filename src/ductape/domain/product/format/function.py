"""A function: code of the team's own, in a registered Python handler or behind a URL (SPEC 8, 9).

What stands beside `envs` holds in every env; an env's entry replaces it key by key, except that
`headers` are merged name by name.
"""

from typing import Literal

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product.format.words import (
    AnswerBytes,
    Credential,
    Filled,
    Name,
    Span,
    Tag,
    Words,
)

FunctionMethod = Literal["POST", "PUT", "PATCH", "DELETE", "GET"]


class FunctionAuth(Struct, frozen=True):
    """How a cloud function is told who calls."""

    type: Literal["bearer", "aws", "google"]
    token: Credential | None = None
    """Of a bearer."""
    access_key_id: Filled | None = None
    """Of AWS, whose requests are signed (Signature Version 4); it may be written out."""
    secret_access_key: Credential | None = None
    session_token: Credential | None = None
    region: Filled | None = None
    service: Filled | None = None
    """`lambda` where left out."""
    service_account: Credential | None = None
    """Of Google: the account's key file, whole, as JSON."""
    audience: Filled | None = None
    """Whom the identity token is for; the URL where left out."""


class FunctionEnv(Struct, frozen=True):
    """What differs of a function in one env."""

    slug: Tag
    url: Filled | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    auth: FunctionAuth | None = None
    allow_private: bool | None = None


class Function(Struct, frozen=True):
    """A function that a registered Python handler does, or that a URL answers."""

    tag: Tag
    handler: Literal["python"] | None = None
    type: Literal["http"] | None = None
    """Needs no saying where a URL is given."""
    name: Name | None = None
    description: Words | None = None
    url: Filled | None = None
    method: FunctionMethod = "POST"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    auth: FunctionAuth | None = None
    timeout: Span | None = None
    """Milliseconds for one call, besides the attempt's own."""
    input: JsonObject | None = None
    """The schema of the payload: `{field: {type, required, minlength, maxlength}}`."""
    allow_private: bool | None = None
    """Asks to reach private addresses; none means what the product's env says."""
    max_response_bytes: AnswerBytes = 1_048_576
    sensitive: bool = False
    envs: tuple[FunctionEnv, ...] = ()
