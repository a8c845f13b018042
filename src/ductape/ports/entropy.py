"""Where chance comes from: the root wires the system's, tests a seeded one."""

from typing import Protocol


class Entropy(Protocol):
    """Unpredictable bytes and draws."""

    def token(self, size: int) -> bytes:
        """Return `size` random bytes, fit for secrets."""
        ...

    def draw(self) -> float:
        """Return a number from 0 up to, not including, 1."""
        ...
