"""Hints between processes that share a store: something to claim, something settled, a verb.

Hints may be lost or doubled; correctness never rests on them (DESIGN 3).
"""

from collections.abc import Callable
from typing import Literal, Protocol

Hint = Literal["work", "settled", "control", "products"]


class Wake(Protocol):
    """Tells this process and its neighbours."""

    def tell(self, hint: Hint) -> None:
        """Wake every listener of every live process of the store; called after a commit."""
        ...

    def listen(self, callback: Callable[[Hint], None]) -> Callable[[], None]:
        """Call back on the event loop for each hint; the answer ends the listening."""
        ...
