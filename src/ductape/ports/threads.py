"""Where blocking functions run, so that the event loop goes on turning."""

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Threads(Protocol):
    """A pool of threads that the worker owns."""

    async def run(self, function: Callable[[], T]) -> T:
        """Call `function` in a thread and return, or raise, what it does."""
        ...
