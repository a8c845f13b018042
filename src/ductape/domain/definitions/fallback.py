"""A fallback in one env."""

from msgspec import Struct, field

from ductape.domain.definitions.option import OptionTarget
from ductape.domain.jsonvalue import JsonObject


class FallbackTarget(Struct, frozen=True, omit_defaults=True):
    """Its options in the order in which they are tried."""

    tag: str
    options: tuple[OptionTarget, ...]
    input: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    """What the input must be: field → rule."""
