"""How an app, or whoever is called, wants to be told who calls."""

from typing import Literal

from msgspec import Struct


class Auth(Struct, frozen=True, omit_defaults=True):
    """How an app wants to be told who calls."""

    tag: str
    type: Literal["bearer", "basic", "api_key", "oauth2"]
    token: str | None = None
    """Of a bearer; of OAuth2 the token that was got."""
    username: str | None = None
    password: str | None = None
    name: str | None = None
    """The header or query parameter of an API key."""
    location: Literal["header", "query"] = "header"
    value: str | None = None
    """The API key itself."""
    grant: Literal["client_credentials", "refresh_token"] = "client_credentials"
    token_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    scope: str | None = None
    audience: str | None = None
    refresh_token: str | None = None
    refresh_secret: str | None = None
    """The name of the secret that the refresh token came from, if it came from one alone."""
    auth_style: Literal["header", "body"] = "header"
