"""Opening the session that a request names, and asking later whether it still holds."""

from typing import Protocol

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject


class OpenedSession(Struct, frozen=True):
    """A verified session."""

    tag: str
    session_id: str
    data: JsonObject
    user: str | None
    """What the definition's selector names."""
    expires_at_ms: int | None

    def __repr__(self) -> str:
        """Keep the data out of every log and traceback."""
        return f"OpenedSession(tag={self.tag!r}, session_id={self.session_id!r})"


class SessionOpener(Protocol):
    """Verifies tokens."""

    async def open(self, product: str, env: str, tag: str, token: str) -> OpenedSession:
        """Verify and decrypt; raises `SessionInvalid` or `SessionExpired`, `NotFound` for the tag.

        A session of another product, env or tag is invalid.
        """
        ...

    async def revoked(self, product: str, env: str, session_id: str) -> bool:
        """Tell whether the session was revoked after the job was accepted."""
        ...


class Secrets(Protocol):
    """The product's secrets, opened only while an attempt runs."""

    async def reveal(self, product: str, env: str, name: str) -> str | None:
        """Return the env's secret, else the product's, else none."""
        ...
