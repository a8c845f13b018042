"""Hints between processes that share a store: something to claim, something settled, a verb.

Hints may be lost or doubled; correctness never rests on them (DESIGN 3).
"""

from collections.abc import Callable, Collection
from typing import Literal, Protocol

Hint = Literal["work", "settled", "control", "products"]


Listener = Callable[[Hint, Collection[str]], None]
"""Takes a hint and the jobs that it is about; none of them named means any."""


Asker = Callable[[], bool]
"""Tells whether it has asked the store for work just now."""


class Wake(Protocol):
    """Tells this process and its neighbours."""

    def tell(self, hint: Hint, jobs: Collection[str] = ()) -> None:
        """Wake every listener of every live process of the store; called after a commit."""
        ...

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call back on the event loop for each hint; the answer ends the listening."""
        ...

    def expect(self, asker: Asker) -> Callable[[], None]:
        """Call back when this process is about to store work; the answer ends that.

        Who asks then may get it out of the same transaction.
        """
        ...
