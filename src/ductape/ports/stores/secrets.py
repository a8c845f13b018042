"""Sealed secrets, and the check values of the key ring."""

from typing import Protocol


class SecretRows(Protocol):
    """Where secrets are kept, sealed."""

    async def put(self, product: str, env: str, name: str, sealed: bytes, *, now_ms: int) -> None:
        """Store or replace; `env` is empty for the whole product."""
        ...

    async def get(self, product: str, env: str, name: str) -> bytes | None:
        """Return the sealed value."""
        ...

    async def names(self, product: str) -> list[tuple[str, str]]:
        """List (env, name)."""
        ...

    async def delete(self, product: str, env: str, name: str) -> bool:
        """Forget one."""
        ...

    async def key_checks(self) -> dict[str, bytes]:
        """Return the sealed check value of every key id this store has seen, newest first."""
        ...

    async def put_key_check(self, key_id: str, sealed: bytes, *, now_ms: int) -> None:
        """Keep the check value of a key id, unless there is one already."""
        ...
