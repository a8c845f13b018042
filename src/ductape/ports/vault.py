"""What keeps secrets unreadable at rest: seals bytes to a place, opens them only there."""

from typing import Protocol


class Vault(Protocol):
    """Authenticated encryption under a ring of keys; the newest seals, all open."""

    def seal(self, plain: bytes, *, place: str) -> bytes:
        """Encrypt for `place`, such as `<job id>/session`; the answer names its key id."""
        ...

    def unseal(self, sealed: bytes, *, place: str) -> bytes:
        """Decrypt; raises `SealBroken` where key, place or bytes do not fit."""
        ...

    def derive(self, purpose: str, key_id: str | None = None) -> tuple[str, bytes]:
        """Return (key id, 32 bytes) derived by HKDF for a purpose, of the newest key unless named.

        Raises `SealBroken` for a key id outside the ring.
        """
        ...

    def key_ids(self) -> tuple[str, ...]:
        """Return the ring's key ids, newest first."""
        ...


class SealBroken(Exception):
    """A sealed value cannot be opened: wrong key, wrong place, or changed bytes."""
