"""Where time zones come from: one tz database for every host, not the system's own copy."""

from datetime import tzinfo
from typing import Protocol


class Zones(Protocol):
    """The tz database."""

    def get(self, name: str) -> tzinfo:
        """Return a zone's rules; `KeyError` for a name outside the database's own list."""
        ...

    def names(self) -> frozenset[str]:
        """Return every name of the list."""
        ...

    def version(self) -> str:
        """Return the release, such as `2026b`."""
        ...
