"""Chance from a seed: the same bytes and draws each time. Never for real secrets."""

from random import Random


class SeededEntropy:
    """Implements `ports.entropy.Entropy` for tests."""

    def __init__(self, seed: int) -> None:
        """Draw everything from `seed`."""
        self._random = Random(seed)  # noqa: S311 (repeatable on purpose)

    def token(self, size: int) -> bytes:
        """Return `size` bytes."""
        return self._random.randbytes(size)

    def draw(self) -> float:
        """Return a number from 0 up to, not including, 1."""
        return self._random.random()
