"""An app's action, as it is in one env."""

from typing import Literal

from msgspec import Struct, field

from ductape.domain.definitions.auth import Auth
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.pairs import Style

ContentType = Literal["json", "form", "multipart", "text", "file"]
"""How a body is written; a `file` is the bytes of one."""


class ActionTarget(Struct, frozen=True, omit_defaults=True):
    """An app's action for one env."""

    base_url: str
    resource: str
    """A path with `:params`, as `/users/:id`; empty for the base URL itself."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "QUERY"] = "GET"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    query: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    params: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """Defaults of the path's parameters."""
    body: JsonValue = None
    """A default body; the input's fields win."""
    body_required: bool = False
    """Whether a request without any body is refused."""
    auth: Auth | None = None
    request: JsonObject | None = None
    """The schema of `{query, params, body, headers}`: see `domain/inputs/schema.py`."""
    content_type: ContentType = "json"
    styles: dict[str, Style] = field(default_factory=dict[str, Style])
    """`query:name`, `body:name`, `params:name`, `headers:name` → how that value is written."""
    reserved: tuple[str, ...] = ()
    """`query:name`, `body:name` of what is sent with its reserved signs as they are."""
    part_types: dict[str, str] = field(default_factory=dict[str, str])
    """Of a body of several parts: field → what its part says that it is."""
    unique: tuple[str, ...] = ()
    """`part:name` of what is sent a UUID of the run's own: see `domain/inputs/unique.py`."""
    allow_private: bool = False
    max_response_bytes: int = 1_048_576
