"""Session families: refresh, revocation, and the users seen. No token is ever stored."""

from typing import Protocol

from msgspec import Struct


class SessionFamily(Struct, frozen=True):
    """One session from its start through all its refreshes."""

    session_id: str
    product: str
    env: str
    tag: str
    user: str | None
    created_at_ms: int
    expires_at_ms: int
    """Of the present refresh token."""
    revoked: bool = False
    generation: int = 1
    """Which refresh token is the present one."""
    rotated_at_ms: int | None = None
    """When the previous refresh token was used."""
    sealed: bytes = b""
    """The session's data, and the last pair for a lost answer, sealed."""


class SessionUser(Struct, frozen=True):
    """One user seen."""

    identifier: str
    first_seen_ms: int
    last_seen_ms: int
    session_count: int


class SessionRows(Protocol):
    """Where sessions are kept."""

    async def put(self, family: SessionFamily, *, now_ms: int) -> None:
        """Store a new session and count its user; nothing happens where it is there already."""
        ...

    async def get(self, session_id: str) -> SessionFamily | None:
        """Return one session."""
        ...

    async def rotate(self, family: SessionFamily, *, from_generation: int) -> bool:
        """Replace it if it is not revoked and its generation is still `from_generation`.

        Its user is seen anew at `rotated_at_ms`.
        """
        ...

    async def revoke(self, session_id: str) -> bool:
        """Revoke the family; false where there is none."""
        ...

    async def users(
        self, product: str, env: str | None, tag: str, *, limit: int, offset: int
    ) -> tuple[int, list[SessionUser]]:
        """Return how many users there are, and one page of them, latest seen first."""
        ...
