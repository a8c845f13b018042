"""How an app, or whoever is called, wants to be told who calls."""

from typing import Literal

from msgspec import Struct


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
