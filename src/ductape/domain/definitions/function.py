"""A function behind a URL, as it is in one env."""

from typing import Literal

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonObject


class FunctionAuth(Struct, frozen=True, omit_defaults=True):
    """How the function is told who calls."""

    type: Literal["bearer", "aws", "google"]
    token: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str | None = None
    region: str = ""
    service: str = "lambda"
    service_account: str = ""
    """JSON."""
    audience: str | None = None
    """None: the URL."""


class FunctionTarget(Struct, frozen=True, omit_defaults=True):
    """A function for one env."""

    url: str
    method: Literal["POST", "PUT", "PATCH", "DELETE", "GET"] = "POST"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    auth: FunctionAuth | None = None
    timeout_ms: int | None = None
    """Besides the attempt's own."""
    input: JsonObject | None = None
    """The schema of the payload."""
    allow_private: bool = False
    max_response_bytes: int = 1_048_576
