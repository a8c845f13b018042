"""What is only looked for: PostgreSQL's text knows no NUL. What was given stands in `spec`."""

from collections.abc import Mapping

import msgspec


def searchable(text: str) -> str:
    """Replace what PostgreSQL's text and JSON cannot hold."""
    return text.replace("\0", "\ufffd")


def searchable_metadata(metadata: Mapping[str, str] | None) -> str | None:
    """Return metadata as JSON to be found by; nothing for none."""
    if not metadata:
        return None
    words = {searchable(name): searchable(value) for name, value in metadata.items()}
    return msgspec.json.encode(words).decode()
