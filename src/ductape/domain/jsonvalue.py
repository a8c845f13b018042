"""The shape of what callers give and providers return: JSON, nothing else."""

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    JsonValue: TypeAlias = (
        "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"
    )
    JsonObject: TypeAlias = dict[str, JsonValue]
else:
    # The decoder has no recursive aliases; what it makes of any JSON is this shape already.
    JsonValue = Any
    JsonObject = dict[str, Any]

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What the decoder raises for bytes that others sent: no JSON, texts that are none, too deep."""
