"""Hints between processes that share a store: something to claim, something settled, a verb.

Hints may be lost or doubled; correctness never rests on them (DESIGN 3).
"""

from collections.abc import Callable, Collection
from typing import Literal, Protocol

Hint = Literal["work", "settled", "control", "products"]


Listener = Callable[[Hint, Collection[str]], None]
"""Takes a hint and the jobs that it is about; none of them named means any."""


class Wake(Protocol):
    """Tells this process and its neighbours."""

    def tell(self, hint: Hint, jobs: Collection[str] = ()) -> None:
        """Wake every listener of every live process of the store; called after a commit."""
        ...

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call back on the event loop for each hint; the answer ends the listening."""
        ...
