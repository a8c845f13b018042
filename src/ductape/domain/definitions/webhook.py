"""A webhook, as it is in one env."""

from msgspec import Struct, field


class WebhookTarget(Struct, frozen=True, omit_defaults=True):
    """Where deliveries go, and what they are signed with."""

    url: str
    secrets: list[str]
    """The present one, then the one before it while it is being replaced."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    allow_private: bool = False
