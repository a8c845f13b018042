"""How PostgreSQL's values are read: as the server writes them, exact, instants as ISO 8601."""

import re
from typing import Any

from psycopg import AsyncConnection
from psycopg.abc import Buffer
from psycopg.adapt import Loader

_ZONE = re.compile(r"([+-]\d\d)(:?)(\d\d)?\Z")


class AsText(Loader):
    """The server's own text: exact, and never out of Python's range."""

    def load(self, data: Buffer) -> str:
        """Return the text."""
        return bytes(data).decode()


class AsInstant(Loader):
    """An instant in ISO 8601; `infinity`, and what is before our era, stay as they are."""

    def load(self, data: Buffer) -> str:
        """Return the text.

        >>> AsInstant(0).load(b"2026-03-01 12:30:00+00")
        '2026-03-01T12:30:00+00:00'
        """
        text = bytes(data).decode()
        if text.endswith("BC") or " " not in text:
            return text
        return _ZONE.sub(_whole_zone, text.replace(" ", "T", 1))


def register_texts(connection: AsyncConnection[Any]) -> None:
    """Let a connection read what Python would change as text."""
    for name in ("date", "time", "timetz", "interval", "numeric", "uuid"):
        connection.adapters.register_loader(name, AsText)
    for name in ("timestamp", "timestamptz"):
        connection.adapters.register_loader(name, AsInstant)


def _whole_zone(found: re.Match[str]) -> str:
    return f"{found[1]}:{found[3] or '00'}"
