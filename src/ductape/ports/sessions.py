"""Issuing session tokens, opening the one a request names, asking later whether it still holds."""

from typing import Protocol

from msgspec import Struct

from ductape.domain.jsonvalue import JsonObject
from ductape.ports.catalog import SessionDefinition


class SessionScope(Struct, frozen=True):
    """Where a session is good: nowhere else."""

    product: str
    env: str
    definition: SessionDefinition

    @property
    def tag(self) -> str:
        """The definition's tag."""
        return self.definition.tag

    def __repr__(self) -> str:
        """Keep the definition's `verify` key out of every log and traceback."""
        return f"SessionScope(product={self.product!r}, env={self.env!r}, tag={self.tag!r})"


class TokenPair(Struct, frozen=True):
    """What a caller gets to keep."""

    token: str
    refresh_token: str

    def __repr__(self) -> str:
        """Keep the tokens out of every log and traceback."""
        return "TokenPair(***)"


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


class TokenIssuer(Protocol):
    """Issues, opens, renews and revokes tokens."""

    async def start(self, scope: SessionScope, data: dict[str, object]) -> TokenPair:
        """Begin a session; raises `ValidationError` with every fault of the data."""
        ...

    async def open(self, scope: SessionScope, token: str) -> OpenedSession:
        """Verify and decrypt; raises `SessionInvalid` or `SessionExpired`."""
        ...

    async def refresh(self, scope: SessionScope, refresh_token: str) -> TokenPair:
        """Replace a pair; the same answer within 30 s, later reuse revokes the session.

        Raises `SessionInvalid` or `SessionExpired`.
        """
        ...

    async def revoke(self, scope: SessionScope, token: str) -> None:
        """End a session by either of its tokens, expired or not; raises `SessionInvalid`."""
        ...


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
        """Return the env's secret, else the product's, else none.

        Raises `SealBroken`, with its remedy, for one that does not open.
        """
        ...
